//! One suite of checks that every store has to pass.
mod agree;
mod author;
mod conditions;
mod publishing;
mod world;
mod zoo;
use crate::Store;
pub use author::{
    Author, Definition, Signed, fields, pinned_relation, pinned_relation_list, relation,
    relation_list, text,
};
pub use world::{Contents, contents, documents};
/// All.
pub fn run_all(new_store: &dyn Fn() -> Box<dyn Store>) {
    publishing::check_chain(new_store);
    publishing::check_new_logs(new_store);
    publishing::check_great_log_ids(new_store);
    publishing::check_several_authors(new_store);
    publishing::check_batches(new_store);
    publishing::check_known(new_store);
    publishing::check_refusals(new_store);
    publishing::check_waiting(new_store);
    publishing::check_doors(new_store);
    publishing::check_blobs(new_store);
    conditions::check_integers(new_store);
    conditions::check_floats(new_store);
    conditions::check_texts(new_store);
    conditions::check_parts_of_texts(new_store);
    conditions::check_booleans_and_bytes(new_store);
    conditions::check_relations(new_store);
    conditions::check_lists(new_store);
    conditions::check_meta(new_store);
    conditions::check_deleted(new_store);
    conditions::check_conjunction(new_store);
    conditions::check_all_tests_of_all_fields(new_store);
}
