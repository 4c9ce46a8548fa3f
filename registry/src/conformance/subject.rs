//! The backend under test, with the verbs that keep cases short. Every verb here is meant to succeed.

use super::Fixture;
use crate::{
    Change, ChangeNote, Changes, Draft, Error, Id, Precondition, Query, Registration,
    RegistryBackend, Revision, Status,
};
use hotbed_configs::PortableConfig;
use serde_json::{Map, Value};
use std::ops::Deref;
use std::sync::Arc;

/// One handle on the collection.
#[derive(Clone)]
pub(super) struct Subject(Arc<dyn RegistryBackend>);

impl Subject {
    pub(super) async fn open(fixture: &dyn Fixture) -> Self {
        Self(fixture.open().await)
    }

    /// Puts an active registration, whatever is there.
    pub(super) async fn store(&self, name: &str, config: Value) -> Registration {
        self.write(name, draft(config)).await
    }

    /// Puts an active registration with this metadata, whatever is there.
    pub(super) async fn store_noted(&self, name: &str, metadata: Value) -> Registration {
        let metadata = Some(object(metadata));
        self.write(
            name,
            Draft {
                metadata,
                ..draft(Value::Object(Map::new()))
            },
        )
        .await
    }

    /// Puts a registration of this status, whatever is there.
    pub(super) async fn store_as(&self, name: &str, status: Status) -> Registration {
        self.write(
            name,
            Draft {
                status,
                ..draft(Value::Object(Map::new()))
            },
        )
        .await
    }

    pub(super) async fn write(&self, name: &str, draft: Draft) -> Registration {
        self.0
            .put(&id(name), draft, Precondition::Any)
            .await
            .expect("an unconditional write is done")
    }

    pub(super) async fn remove(&self, name: &str) -> Revision {
        self.0
            .delete(&id(name), Precondition::Any, &ChangeNote::NONE)
            .await
            .expect("what exists is deleted")
    }

    pub(super) async fn find(&self, name: &str) -> Option<Registration> {
        self.0.get(&id(name)).await.expect("a read is answered")
    }

    pub(super) async fn stored(&self, name: &str) -> Registration {
        self.find(name)
            .await
            .unwrap_or_else(|| panic!("{name:?} is stored"))
    }

    pub(super) async fn items(&self, query: &Query) -> Vec<Registration> {
        self.0
            .list(query)
            .await
            .expect("a listing is answered")
            .items
    }

    pub(super) async fn ids(&self, query: &Query) -> Vec<String> {
        self.items(query)
            .await
            .into_iter()
            .map(|found| found.id.as_str().to_owned())
            .collect()
    }

    pub(super) async fn number(&self, query: &Query) -> u64 {
        self.0.count(query).await.expect("a count is answered")
    }

    pub(super) async fn newest(&self) -> Revision {
        self.0.head().await.expect("the head is answered")
    }

    pub(super) async fn all_heads(&self) -> Vec<(String, Revision)> {
        let heads = self
            .0
            .heads(None, usize::MAX)
            .await
            .expect("the heads are answered");
        heads
            .into_iter()
            .map(|(id, revision)| (id.as_str().to_owned(), revision))
            .collect()
    }

    /// The log after a revision, which must not be compacted.
    pub(super) async fn log(&self, after: Revision, limit: usize) -> Vec<Change> {
        match self
            .0
            .changes(after, limit)
            .await
            .expect("the log is answered")
        {
            Changes::Log { changes, .. } => changes,
            compacted @ Changes::Compacted { .. } => {
                panic!("the log after {after} is there: {compacted:?}")
            }
        }
    }

    /// The log as `id:kind` words.
    pub(super) async fn told(&self) -> Vec<String> {
        let log = self.log(Revision::ZERO, usize::MAX).await;
        log.into_iter()
            .map(|change| format!("{}:{}", change.id, change.kind))
            .collect()
    }
}

impl Deref for Subject {
    type Target = dyn RegistryBackend;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

pub(super) fn id(name: &str) -> Id {
    Id::new(name).expect("a well-formed id")
}

pub(super) fn draft(config: Value) -> Draft {
    Draft::active(PortableConfig::from_value(config).expect("a well-formed configuration"))
}

/// A configuration that differs from others by a number.
pub(super) fn numbered(n: usize) -> Draft {
    draft(serde_json::json!({ "n": n }))
}

pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is an object"),
    }
}

/// What a conflict says: what was expected, and the revision that is stored.
pub(super) fn conflict<T: std::fmt::Debug>(
    refused: Result<T, Error>,
) -> (Precondition, Option<Revision>) {
    match refused {
        Err(Error::Conflict {
            expected, actual, ..
        }) => (expected, actual),
        other => panic!("a conflict is answered, not {other:?}"),
    }
}

pub(super) fn is_not_found<T>(refused: &Result<T, Error>) -> bool {
    matches!(refused, Err(Error::NotFound { .. }))
}
