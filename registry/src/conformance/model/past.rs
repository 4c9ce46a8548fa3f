//! What the model remembers, and what a backend must answer of it.

use super::NAMES;
use crate::conformance::subject::{Subject, id};
use crate::{Id, Past, Revision};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Every write of each id that is not forgotten, oldest first; the last one is what stands now.
#[derive(Debug, Default)]
pub(super) struct Remembered(BTreeMap<Id, Vec<Past>>);

/// A question about the past.
#[derive(Debug, Clone)]
pub(super) enum Asked {
    History {
        name: usize,
        before: Option<u64>,
        limit: usize,
    },
    Version {
        name: usize,
        revision: u64,
    },
}

pub(super) fn asked() -> impl Strategy<Value = Asked> {
    let name = 0..NAMES.len();
    let limit = prop_oneof![2 => 0..6_usize, 1 => Just(usize::MAX)];
    prop_oneof![
        (name.clone(), prop::option::of(0..40_u64), limit).prop_map(|(name, before, limit)| {
            Asked::History {
                name,
                before,
                limit,
            }
        }),
        (name, 0..40_u64).prop_map(|(name, revision)| Asked::Version { name, revision }),
    ]
}

impl Remembered {
    pub(super) fn note(&mut self, name: &str, past: Past) {
        self.0.entry(id(name)).or_default().push(past);
    }

    pub(super) fn keep(&mut self, versions: u32) {
        for writes in self.0.values_mut() {
            let stands = matches!(writes.last(), Some(Past::Written(_)));
            let most = versions as usize + usize::from(stands);
            writes.drain(..writes.len().saturating_sub(most));
        }
    }

    pub(super) async fn check(&self, it: &Subject, asked: Asked) -> Result<(), TestCaseError> {
        let writes = |name| self.0.get(name).into_iter().flatten();
        match asked {
            Asked::History {
                name,
                before,
                limit,
            } => {
                let name = id(NAMES[name]);
                let earlier = writes(&name)
                    .rev()
                    .filter(|past| before.is_none_or(|before| past.revision().0 < before));
                let expected: Vec<_> = earlier.take(limit).cloned().collect();
                let answer = it.history(&name, before.map(Revision), limit).await;
                prop_assert_eq!(answer.ok(), Some(expected));
            }
            Asked::Version { name, revision } => {
                let (name, revision) = (id(NAMES[name]), Revision(revision));
                let expected = writes(&name).find(|past| past.revision() == revision);
                let answer = it.past(&name, revision).await;
                prop_assert_eq!(answer.ok(), Some(expected.cloned()));
            }
        }
        Ok(())
    }
}
