//! One suite of checks that every store has to pass.
//!
//! [`run_all`] runs them all; [`CHECKS`] lists them, for stores that want a test for each. Every
//! check begins with a new, empty store. What is written comes from an [`Author`], who needs no
//! store to sign entries and is useful for other tests as well.

// Checks are assertions about stores: they may fail.
#![allow(clippy::missing_panics_doc)]

mod agree;
mod author;
mod by_document;
mod conditions;
mod documents;
mod forks;
mod heads;
mod lists;
mod logs;
mod orders;
mod pages;
mod parts;
mod publishing;
mod refusals;
mod schemas;
mod wanted;
mod withdrawn;
mod world;
mod zoo;

pub use author::{
    Author, Definition, Signed, fields, pinned_relation, pinned_relation_list, relation,
    relation_list, text,
};
pub use world::{Contents, contents, documents, forks, try_contents};

use crate::contract::Store;

/// A check: it asks for as many new stores as it needs, and panics when one does not conform.
pub type Check = fn(&dyn Fn() -> Box<dyn Store>);

/// Runs all checks.
///
/// # Panics
///
/// When a check fails; the message says which.
pub fn run_all(new_store: &dyn Fn() -> Box<dyn Store>) {
    for (name, check) in CHECKS {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(new_store)));
        if let Err(reason) = result {
            eprintln!("the store does not conform: {name}");
            std::panic::resume_unwind(reason);
        }
    }
}

macro_rules! checks {
    ($($module:ident { $($name:ident),* $(,)? })*) => {
        /// All checks by name.
        pub const CHECKS: &[(&str, Check)] = &[
            $($((concat!(stringify!($module), "::", stringify!($name)), $module::$name as Check)),*),*
        ];
    };
}

checks! {
    publishing {
        check_chain,
        check_new_logs,
        check_great_log_ids,
        check_several_authors,
        check_batches,
        check_end_of_log,
        check_known,
    }
    refusals { check_refusals, check_waiting, check_doors, check_blobs }
    schemas {
        check_system_schemas,
        check_any_order_of_parts,
        check_shared_fields,
        check_unusable_definitions,
        check_versions,
        check_concurrent_versions,
        check_retired,
        check_late_parts_of_retired,
        check_unknown_targets,
    }
    documents {
        check_updates,
        check_branches,
        check_late_branch,
        check_deletion,
        check_two_deletions,
        check_earlier_states,
        check_missing,
        check_selection,
        check_field_names,
        check_many_fields,
        check_large_values,
        check_values,
    }
    conditions {
        check_integers,
        check_floats,
        check_texts,
        check_parts_of_texts,
        check_booleans_and_bytes,
        check_relations,
        check_lists,
        check_meta,
        check_deleted,
        check_conjunction,
        check_all_tests_of_all_fields,
    }
    orders { check_fields, check_relations, check_ids, check_all_orders_in_pages }
    pages {
        check_empty,
        check_totals,
        check_cursors,
        check_foreign_cursors,
        check_changes_between_pages,
    }
    lists {
        check_own_order,
        check_pinned,
        check_latest,
        check_several,
        check_all_orders_in_pages,
        check_repetitions,
    }
    forks {
        check_void,
        check_any_order,
        check_three_sides,
        check_going_on,
        check_withdrawn,
        check_definitions,
        check_proofs,
        check_pages,
        check_second_logs,
        check_limits,
    }
    logs {
        check_entries,
        check_logs,
        check_heads,
        check_document_entries,
        check_counts,
        check_snapshots,
        check_cancelled,
        check_threads,
    }
    heads {
        check_ranges,
        check_parts,
        check_many_logs,
        check_short_places,
        check_document_logs,
        check_stored,
        check_unknown,
    }
    parts { check_beside, check_again, check_complete, check_forks, check_limit }
    wanted {
        check_order,
        check_proofs,
        check_connectors,
        check_schemas,
        check_many_logs,
    }
    by_document { check_heads, check_frozen, check_blobs, check_needed }
    withdrawn { check_heads, check_one_batch, check_lower_fork, check_proofs, check_many }
}
