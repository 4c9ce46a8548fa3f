//! A registry so naive that it is plainly right, and random operations that a backend must answer as it does.

mod past;

use super::subject::{Subject, draft, id};
use super::{Fixture, History};
use crate::{
    Access, Change, ChangeKind, ChangeNote, Changes, Direction, Draft, Error, HistoryRetention,
    Page, Past, Precondition, Query, Registration, Retention, Revision, SortField, SortSpec,
    Status, compare, matches,
};
use chrono::TimeDelta;
use past::{Asked, Remembered, asked};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::runtime::Runtime;

/// Sequences tried. Each is a collection of its own.
const SEQUENCES: u32 = 64;
const NAMES: [&str; 4] = ["a", "B", "b'\"; --", "ä🤖"];
const KEYS: [&str; 3] = ["k", "k.k", "'\"$"];

#[derive(Debug, Clone)]
enum Op {
    Put {
        name: usize,
        when: When,
        status: Status,
        metadata: Option<Vec<(usize, Value)>>,
        n: u8,
    },
    Delete {
        name: usize,
        when: When,
        by: Option<String>,
    },
    Touch {
        name: usize,
        seconds: i64,
    },
    Compact {
        entries: u64,
        versions: u32,
    },
    Changes {
        after: u64,
        limit: usize,
    },
    Heads {
        after: Option<usize>,
        limit: usize,
    },
    List(Query),
    Past(Asked),
}

/// A precondition, relative to what is stored when it is tried.
#[derive(Debug, Clone, Copy)]
enum When {
    Any,
    Absent,
    Present,
    AtCurrent,
    AtOther,
}

#[derive(Debug, Default)]
struct Model {
    registrations: BTreeMap<&'static str, Registration>,
    log: Vec<Change>,
    past: Remembered,
    head: u64,
}

pub(super) fn run<F: Fixture>(runtime: &Runtime, make: impl AsyncFn() -> F) {
    let config = Config {
        cases: SEQUENCES,
        max_shrink_iters: 2_000,
        failure_persistence: None,
        ..Config::default()
    };
    let sequences = proptest::collection::vec((any::<bool>(), op()), 1..60);
    let outcome = TestRunner::new(config).run(&sequences, |ops| {
        runtime.block_on(async {
            let fixture = make().await;
            let handles = [Subject::open(&fixture).await, Subject::open(&fixture).await];
            let mut model = Model::default();
            for (which, op) in ops {
                if matches!(op, Op::Past(_)) && fixture.keeps_history() == History::Unsupported {
                    continue;
                }
                model.step(&handles[usize::from(which)], op).await?;
            }
            Ok(())
        })
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

fn op() -> impl Strategy<Value = Op> {
    let name = 0..NAMES.len();
    let limit = prop_oneof![4 => 0..6_usize, 1 => Just(usize::MAX)];
    prop_oneof![
        8 => (name.clone(), when(), status(), prop::option::of(metadata()), any::<u8>())
            .prop_map(|(name, when, status, metadata, n)| Op::Put { name, when, status, metadata, n }),
        3 => (name.clone(), when(), prop::option::of("[a-z]{1,3}"))
            .prop_map(|(name, when, by)| Op::Delete { name, when, by }),
        1 => (name.clone(), -9..9_i64).prop_map(|(name, seconds)| Op::Touch { name, seconds }),
        1 => (0..6_u64, 0..6_u32).prop_map(|(entries, versions)| Op::Compact { entries, versions }),
        2 => (0..40_u64, limit.clone()).prop_map(|(after, limit)| Op::Changes { after, limit }),
        1 => (prop::option::of(name), limit).prop_map(|(after, limit)| Op::Heads { after, limit }),
        6 => query().prop_map(Op::List),
        3 => asked().prop_map(Op::Past),
    ]
}

fn when() -> impl Strategy<Value = When> {
    prop_oneof![
        3 => Just(When::Any),
        1 => Just(When::Absent),
        1 => Just(When::Present),
        1 => Just(When::AtCurrent),
        1 => Just(When::AtOther),
    ]
}

fn status() -> impl Strategy<Value = Status> {
    prop_oneof![2 => Just(Status::Active), 1 => Just(Status::Inactive), 1 => Just(Status::Error)]
}

fn metadata() -> impl Strategy<Value = Vec<(usize, Value)>> {
    proptest::collection::vec((0..KEYS.len(), value()), 0..3)
}

/// Metadata values, from few enough of each kind that filters find something.
fn value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        Just(""),
        Just("a"),
        Just("B"),
        Just("1"),
        Just("a\0b"),
        Just("ä\"\\\n'")
    ];
    prop_oneof![
        1 => Just(Value::Null),
        2 => any::<bool>().prop_map(Value::from),
        3 => (-2..3_i64).prop_map(Value::from),
        2 => (-2..3_i32).prop_map(|n| Value::from(f64::from(n) / 2.0)),
        1 => prop_oneof![Just(u64::MAX), Just(u64::MAX - 1), Just((1 << 53) + 1), Just(1 << 53)].prop_map(Value::from),
        1 => proptest::num::f64::NORMAL.prop_map(Value::from),
        3 => text.prop_map(Value::from),
        1 => prop_oneof![Just(json!([])), Just(json!([1, "a"])), Just(json!({"b": 1, "a": [null]}))],
    ]
}

/// Mostly queries that find several registrations, or there would be no order to see.
fn query() -> impl Strategy<Value = Query> {
    let parts = (
        prop::option::weighted(0.2, status()),
        prop::option::weighted(0.3, (0..KEYS.len(), value())),
        sort(),
        prop_oneof![4 => Just(0), 1 => 1..3_u64],
        prop::option::weighted(0.3, 0..4_u64),
        prop::option::weighted(0.2, 0..NAMES.len()),
    );
    parts.prop_map(|(status, metadata, sort, offset, limit, after)| Query {
        status,
        metadata: noted(metadata.into_iter().collect()),
        sort,
        offset,
        limit,
        after: after.map(|name| id(NAMES[name])),
    })
}

fn sort() -> impl Strategy<Value = Vec<SortSpec>> {
    let field = prop_oneof![
        1 => Just(SortField::Id),
        1 => Just(SortField::Status),
        1 => Just(SortField::Revision),
        1 => Just(SortField::Version),
        1 => Just(SortField::CreatedAt),
        1 => Just(SortField::UpdatedAt),
        1 => Just(SortField::LastAccessedAt),
        4 => (0..KEYS.len()).prop_map(|key| SortField::Metadata(KEYS[key].to_owned())),
    ];
    let direction = prop_oneof![Just(Direction::Ascending), Just(Direction::Descending)];
    proptest::collection::vec(
        (field, direction).prop_map(|(field, direction)| SortSpec { field, direction }),
        0..3,
    )
}

fn noted(pairs: Vec<(usize, Value)>) -> Map<String, Value> {
    pairs
        .into_iter()
        .map(|(key, value)| (KEYS[key].to_owned(), value))
        .collect()
}

impl Model {
    async fn step(&mut self, it: &Subject, op: Op) -> Result<(), TestCaseError> {
        match op {
            Op::Put {
                name,
                when,
                status,
                metadata,
                n,
            } => {
                let draft = Draft {
                    status,
                    metadata: metadata.map(noted),
                    ..draft(json!({ "n": n }))
                };
                self.put(it, NAMES[name], draft, self.precondition(NAMES[name], when))
                    .await
            }
            Op::Delete { name, when, by } => {
                let note = ChangeNote { by, reason: None };
                self.delete(it, NAMES[name], self.precondition(NAMES[name], when), note)
                    .await
            }
            Op::Touch { name, seconds } => self.touch(it, NAMES[name], seconds).await,
            Op::Compact { entries, versions } => self.compact(it, entries, versions).await,
            Op::Changes { after, limit } => self.changes(it, Revision(after), limit).await,
            Op::Heads { after, limit } => {
                self.heads(it, after.map(|name| NAMES[name]), limit).await
            }
            Op::List(query) => self.list(it, &query).await,
            Op::Past(asked) => self.past.check(it, asked).await,
        }
    }

    fn precondition(&self, name: &str, when: When) -> Precondition {
        let current = self
            .registrations
            .get(name)
            .map_or(Revision::ZERO, |stored| stored.revision);
        match when {
            When::Any => Precondition::Any,
            When::Absent => Precondition::Absent,
            When::Present => Precondition::Present,
            When::AtCurrent => Precondition::At(current),
            When::AtOther => Precondition::At(current.next()),
        }
    }

    fn allows(&self, name: &str, when: Precondition) -> bool {
        when.holds(self.registrations.get(name).map(|stored| stored.revision))
    }

    fn oldest(&self) -> u64 {
        self.head + 1 - self.log.len() as u64
    }

    fn note(&mut self, name: &str, kind: ChangeKind, at: chrono::DateTime<chrono::Utc>) {
        self.head += 1;
        self.log.push(Change {
            id: id(name),
            revision: Revision(self.head),
            kind,
            at,
        });
    }

    async fn put(
        &mut self,
        it: &Subject,
        name: &'static str,
        draft: Draft,
        when: Precondition,
    ) -> Result<(), TestCaseError> {
        let answer = it.put(&id(name), draft.clone(), when).await;
        if !self.allows(name, when) {
            return self.conflicts(name, when, answer);
        }
        let written = answer.map_err(|error| TestCaseError::fail(error.to_string()))?;
        let before = self.registrations.get(name);
        let kept = before.map(|old| old.metadata.clone()).unwrap_or_default();
        prop_assert_eq!(&written.config, &draft.config);
        prop_assert_eq!(written.status, draft.status);
        prop_assert_eq!(&written.metadata, &draft.metadata.unwrap_or(kept));
        prop_assert_eq!(written.revision, Revision(self.head + 1));
        prop_assert_eq!(written.version, before.map_or(1, |old| old.version + 1));
        prop_assert_eq!(
            written.created_at,
            before.map_or(written.updated_at, |old| old.created_at)
        );
        prop_assert!(before.is_none_or(|old| written.updated_at > old.updated_at));
        prop_assert_eq!(&it.stored(name).await, &written);
        let kind = ChangeKind::of_write(before.map(|old| old.status), draft.status);
        self.note(name, kind, written.updated_at);
        self.past.note(name, written.clone().into());
        self.registrations.insert(name, written);
        Ok(())
    }

    async fn delete(
        &mut self,
        it: &Subject,
        name: &'static str,
        when: Precondition,
        note: ChangeNote,
    ) -> Result<(), TestCaseError> {
        let answer = it.delete(&id(name), when, &note).await;
        if !self.allows(name, when) {
            return self.conflicts(name, when, answer);
        }
        if self.registrations.remove(name).is_none() {
            prop_assert!(
                matches!(answer, Err(Error::NotFound { .. })),
                "{:?}",
                answer
            );
            return Ok(());
        }
        prop_assert_eq!(answer.ok(), Some(Revision(self.head + 1)));
        prop_assert_eq!(it.find(name).await, None);
        let at = it.log(Revision(self.head), 1).await[0].at;
        self.note(name, ChangeKind::Deleted, at);
        let deleted = Past::Deleted {
            id: id(name),
            revision: Revision(self.head),
            at,
            note,
        };
        self.past.note(name, deleted);
        Ok(())
    }

    fn conflicts<T: std::fmt::Debug>(
        &self,
        name: &str,
        when: Precondition,
        answer: Result<T, Error>,
    ) -> Result<(), TestCaseError> {
        let stored = self.registrations.get(name).map(|stored| stored.revision);
        match answer {
            Err(Error::Conflict {
                id,
                expected,
                actual,
            }) => {
                prop_assert_eq!((id.as_str(), expected, actual), (name, when, stored));
            }
            other => prop_assert!(false, "a conflict is answered, not {:?}", other),
        }
        Ok(())
    }

    async fn touch(&mut self, it: &Subject, name: &str, seconds: i64) -> Result<(), TestCaseError> {
        if let Some(stored) = self.registrations.get_mut(name) {
            let at = stored.last_accessed_at + TimeDelta::seconds(seconds);
            let touched = it.touch(&[Access { id: id(name), at }]).await;
            prop_assert!(touched.is_ok(), "{:?}", touched);
            stored.last_accessed_at = stored.last_accessed_at.max(at);
        }
        Ok(())
    }

    async fn compact(
        &mut self,
        it: &Subject,
        entries: u64,
        versions: u32,
    ) -> Result<(), TestCaseError> {
        let age = Duration::MAX;
        let oldest = it
            .compact(Retention {
                entries,
                age,
                history: HistoryRetention { versions, age },
            })
            .await;
        self.past.keep(versions);
        let surplus = self
            .log
            .len()
            .saturating_sub(usize::try_from(entries).unwrap_or(usize::MAX));
        self.log.drain(..surplus);
        prop_assert_eq!(oldest.ok(), Some(Revision(self.oldest())));
        Ok(())
    }

    async fn changes(
        &self,
        it: &Subject,
        after: Revision,
        limit: usize,
    ) -> Result<(), TestCaseError> {
        let (oldest, head) = (Revision(self.oldest()), Revision(self.head));
        let expected = if after > head || after.next() < oldest {
            Changes::Compacted { oldest, head }
        } else {
            let later = self.log.iter().filter(|change| change.revision > after);
            Changes::Log {
                changes: later.take(limit).cloned().collect(),
                head,
            }
        };
        prop_assert_eq!(it.changes(after, limit).await.ok(), Some(expected));
        prop_assert_eq!(it.newest().await, head);
        Ok(())
    }

    async fn heads(
        &self,
        it: &Subject,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(), TestCaseError> {
        let later = self
            .registrations
            .values()
            .filter(|stored| after.is_none_or(|it| stored.id.as_str() > it));
        let expected: Vec<_> = later
            .take(limit)
            .map(|stored| (stored.id.clone(), stored.revision))
            .collect();
        let answer = it.heads(after.map(id).as_ref(), limit).await;
        prop_assert_eq!(answer.ok(), Some(expected));
        Ok(())
    }

    async fn list(&self, it: &Subject, query: &Query) -> Result<(), TestCaseError> {
        let mut found: Vec<_> = self
            .registrations
            .values()
            .filter(|stored| matches(query, stored))
            .collect();
        prop_assert_eq!(it.number(query).await, found.len() as u64);
        found.sort_by(|a, b| compare(query, a, b));
        let offset = usize::try_from(query.offset).unwrap_or(usize::MAX);
        let limit = query.limit.map_or(usize::MAX, |limit| {
            usize::try_from(limit).unwrap_or(usize::MAX)
        });
        let items = found
            .into_iter()
            .skip(offset)
            .take(limit)
            .cloned()
            .collect();
        prop_assert_eq!(it.list(query).await.ok(), Some(Page::new(items, query)));
        Ok(())
    }
}
