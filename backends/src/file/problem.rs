use hotbed_registry::{CollectionName, Id};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Tells what is wrong with a file, or with the directory of a collection. Gone once it is mended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileProblem {
    /// The collection.
    pub collection: CollectionName,
    /// The path below the store's directory: `bots/greeter.yaml`, or `bots` for the directory.
    pub file: String,
    /// Whose last good registration is served meanwhile; `None` if there is none.
    pub id: Option<Id>,
    /// What is wrong and what to do about it, beginning with the place: `bots/greeter.yaml:3:5: …`. One line for
    /// each thing that is wrong.
    pub message: String,
}

impl fmt::Display for FileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// What is wrong with one collection at the moment.
#[derive(Debug)]
pub(super) struct Problems {
    collection: CollectionName,
    by_file: Mutex<BTreeMap<String, FileProblem>>,
}

impl Problems {
    pub(super) fn new(collection: CollectionName) -> Self {
        Self {
            collection,
            by_file: Mutex::default(),
        }
    }

    pub(super) fn all(&self) -> Vec<FileProblem> {
        self.by_file().values().cloned().collect()
    }

    /// Notes what is wrong with a file, and logs it if that is news.
    pub(super) fn note(&self, file: String, id: Option<Id>, message: String) {
        let problem = FileProblem {
            collection: self.collection.clone(),
            file: file.clone(),
            id,
            message,
        };
        let known = self.by_file().insert(file, problem.clone());
        if known.as_ref() != Some(&problem) {
            let serving = problem.id.as_ref().map(Id::as_str);
            tracing::warn!(%problem, serving, "file is not used as it is");
        }
    }

    /// Notes that nothing is wrong with a file.
    pub(super) fn clear(&self, file: &str) {
        if self.by_file().remove(file).is_some() {
            tracing::info!(file, "file is in order again");
        }
    }

    /// Forgets what was wrong with files that are gone.
    pub(super) fn retain(&self, is_there: impl Fn(&str) -> bool) {
        self.by_file().retain(|file, _| is_there(file));
    }

    fn by_file(&self) -> MutexGuard<'_, BTreeMap<String, FileProblem>> {
        self.by_file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
