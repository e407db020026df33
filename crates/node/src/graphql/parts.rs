//! What is held in part, for those who wonder why a document does not show.
//!
//! Who told it is not said: answers are the same for everybody who asks.

use pandan_admission::PartAsk;
use pandan_operations::DocumentId;
use pandan_store::PartSummary;

use super::answer::Answer;
use super::execute::{Read, Reader};
use super::plan::Leaves;

impl Reader<'_> {
    /// Shows all that is held in part, or that of a document. There are few.
    pub(super) fn parts(&mut self, document: Option<&DocumentId>, leaves: &Leaves) -> Read<Answer> {
        let mut parts = self.snapshot.parts()?;
        parts.retain(|part| document.is_none_or(|id| part.ask == PartAsk::Document(*id)));
        let show = |part: &PartSummary| self.leaves(leaves, |name| show(part, name));
        Ok(Answer::List(parts.iter().map(show).collect::<Read<_>>()?))
    }
}

fn show(part: &PartSummary, field: &str) -> Answer {
    let (document, log) = match part.ask {
        PartAsk::Document(id) => (Some(id), None),
        PartAsk::Newest { author, log_id, .. } => (None, Some((author, log_id))),
    };
    let state = part.state.as_ref();
    match field {
        "documentId" => Answer::optional(document),
        "publicKey" => Answer::optional(log.map(|(author, _)| author)),
        "logId" => Answer::optional(log.map(|(_, log_id)| log_id)),
        "viewId" => Answer::optional(state.map(|state| &state.view)),
        // A document has a field unless it is deleted.
        "deleted" => state.map_or(Answer::Null, |state| Answer::Bool(state.fields.is_empty())),
        "entries" => Answer::number(part.entries),
        "withoutOperation" => Answer::number(part.lacking),
        _ => Answer::Null,
    }
}
