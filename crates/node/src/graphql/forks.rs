//! Forks of logs, for those who want to know and to prove them.

use pandan_bamboo::limits::MAX_FORK_PROOF_LENGTH;
use pandan_bamboo::{EncodedEntry, HASH_TEXT_LENGTH};
use pandan_identity::hex;
use pandan_store::{Fork, ForkPage, ForkQuery};

use super::answer::{Answer, Key};
use super::arguments::FORK_CURSOR_SEPARATOR;
use super::execute::{Read, Reader};
use super::plan::{ForksField, ForksPlan};

impl Reader<'_> {
    /// Shows a page of the known forks.
    pub(super) fn forks(&mut self, query: &ForkQuery, plan: &ForksPlan) -> Read<Answer> {
        let page = self.snapshot.forks(query)?;
        self.budget.take_objects(1, &plan.fields)?;
        let mut fields = Vec::with_capacity(plan.fields.len());
        for (key, field) in &plan.fields {
            fields.push((Key::clone(key), self.field(&page, field, plan)?));
        }
        Ok(Answer::Object(fields))
    }

    fn field(&mut self, page: &ForkPage, field: &ForksField, plan: &ForksPlan) -> Read<Answer> {
        Ok(match field {
            ForksField::TypeName => Answer::text(&plan.type_name),
            ForksField::TotalCount => Answer::number(page.total),
            ForksField::HasNextPage => Answer::Bool(page.has_next),
            ForksField::EndCursor => Answer::optional(page.forks.last().map(cursor)),
            ForksField::Forks(leaves) => {
                for fork in &page.forks {
                    // Lists of ids are not counted with their object.
                    let ids = fork.documents.len() + fork.proof.entries().len();
                    self.budget.take_values(ids)?;
                    self.budget.take_bytes(ids * HASH_TEXT_LENGTH)?;
                }
                let show = |fork: &Fork| self.leaves(leaves, |name| show(fork, name));
                Answer::List(page.forks.iter().map(show).collect::<Read<_>>()?)
            }
        })
    }
}

fn show(fork: &Fork, field: &str) -> Answer {
    let proof = &fork.proof;
    match field {
        "publicKey" => Answer::text(proof.public_key()),
        "logId" => Answer::text(proof.log_id()),
        "seqNum" => Answer::text(proof.seq_num()),
        "entries" => Answer::List(proof.entries().map(EncodedEntry::hash).map(Answer::text).into()),
        "proof" => {
            let mut buffer = [0; MAX_FORK_PROOF_LENGTH];
            Answer::Str(hex::encode(proof.encode(&mut buffer)).into())
        }
        "documents" => Answer::List(fork.documents.iter().map(Answer::text).collect()),
        "totalDocuments" => Answer::number(fork.documents_total),
        _ => Answer::Null,
    }
}

fn cursor(fork: &Fork) -> String {
    let proof = &fork.proof;
    format!("{}{FORK_CURSOR_SEPARATOR}{}", proof.public_key(), proof.log_id())
}
