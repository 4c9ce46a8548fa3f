//! What people did to the files, as changes of the collection.

use super::name::FileName;
use super::record::{Batch, FileFacts};
use super::replica::State;
use super::text::Content;
use crate::ledger::Ledger;
use crate::texts::Texts;
use chrono::Utc;
use hotbed_registry::{ChangeNote, Error, Id, Precondition};
use std::collections::HashMap;

/// Gathers edits, to be told as one batch.
#[derive(Debug)]
pub(super) struct Edits<'s> {
    state: &'s State,
    ledger: Ledger,
    files: HashMap<Id, FileFacts>,
    seen: Vec<(Id, FileFacts)>,
}

impl<'s> Edits<'s> {
    pub(super) fn new(state: &'s State) -> Self {
        Self {
            state,
            ledger: Ledger::new(state.head, Utc::now()),
            files: HashMap::new(),
            seen: Vec::new(),
        }
    }

    /// Notes what a file says now. No change, if that is what is stored.
    pub(super) fn note(
        &mut self,
        name: &FileName,
        content: Content,
        sha256: String,
    ) -> Result<(), Error> {
        let file = FileFacts {
            name: name.clone(),
            sha256,
        };
        if let Some(entry) = self.state.entries.get(&content.id) {
            let stored = &entry.registration;
            if stored.config == content.config
                && stored.status == content.status
                && stored.metadata == content.metadata
            {
                self.seen.push((content.id, file));
                return Ok(());
            }
            self.ledger
                .found(content.id.clone(), stored.revision, Ok(stored.clone()));
        }
        let (id, draft) = content.into_draft();
        let texts = Texts::of(&id, &draft)?;
        self.ledger.put(&id, draft, texts, Precondition::Any)?;
        self.files.insert(id, file);
        Ok(())
    }

    /// Notes that a file is gone.
    pub(super) fn delete(&mut self, id: &Id) -> Result<(), Error> {
        if let Some(entry) = self.state.entries.get(id) {
            let stored = &entry.registration;
            self.ledger
                .found(id.clone(), stored.revision, Ok(stored.clone()));
        }
        self.ledger
            .delete(id, Precondition::Any, &ChangeNote::NONE)
            .map(drop)
    }

    pub(super) fn into_batch(self) -> Batch {
        let mut batch = Batch::of(&self.ledger, &self.files);
        for (id, file) in self.seen {
            batch.see(&id, file);
        }
        batch
    }
}
