use super::*;
use crate::{
    ChangeNote, Draft, MemoryBackend, PortableConfig, Precondition, Reader, RegistryBackend, Source,
};
use chrono::Utc;
use serde_json::json;
use std::collections::BTreeMap;

/// A snapshot in memory.
#[derive(Debug, Default)]
struct Kept(Mutex<BTreeMap<Id, Registration>>);

impl Snapshot for Kept {
    fn load(&self, id: &Id) -> Option<Registration> {
        self.0.lock().unwrap().get(id).cloned()
    }

    fn save(&self, registration: &Registration) {
        let mut kept = self.0.lock().unwrap();
        kept.insert(registration.id.clone(), registration.clone());
    }

    fn forget(&self, id: &Id) {
        self.0.lock().unwrap().remove(id);
    }

    fn revisions(&self) -> Vec<(Id, Revision)> {
        let kept = self.0.lock().unwrap();
        kept.values()
            .map(|it| (it.id.clone(), it.revision))
            .collect()
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

fn a() -> Id {
    Id::new("a").unwrap()
}

fn at(revision: u64) -> Registration {
    let draft = Draft::active(PortableConfig::from_value(json!({})).unwrap());
    draft.apply(&a(), None, Revision(revision), Utc::now())
}

fn change(kind: ChangeKind, revision: u64) -> Change {
    Change {
        id: a(),
        revision: Revision(revision),
        kind,
        at: Utc::now(),
    }
}

fn holding(revision: u64) -> LastServed {
    let kept = Kept::default();
    kept.save(&at(revision));
    LastServed::new(Arc::new(kept))
}

fn kept(of: &LastServed) -> Option<u64> {
    of.snapshot.revision(&a()).map(|revision| revision.0)
}

fn read(of: &LastServed, revision: u64) {
    assert_eq!(of.begin(&a()).note(Some(&at(revision))), Noted::Yes);
}

/// Caught: the last to save wins.
#[test]
fn an_older_read_that_is_noted_after_a_newer_one_does_not_win() {
    let last_served = LastServed::new(Arc::new(Kept::default()));
    let id = a();
    let slow = last_served.begin(&id);
    read(&last_served, 7);
    assert_eq!(slow.note(Some(&at(6))), Noted::Yes);
    assert_eq!(kept(&last_served), Some(7));
    // Nor does one that began later: this registry answers from its past.
    read(&last_served, 6);
    assert_eq!(kept(&last_served), Some(7));
}

/// Caught: revisions are compared with those of another process, or of another era.
#[test]
fn what_is_of_before_a_start_or_of_a_registry_that_was_replaced_gives_way_to_any_revision() {
    let last_served = holding(7);
    read(&last_served, 5);
    assert_eq!(kept(&last_served), Some(5));
    last_served.begin_era();
    read(&last_served, 2);
    assert_eq!(kept(&last_served), Some(2));
    last_served.begin_era();
    last_served.observe(&change(ChangeKind::Deleted, 1));
    assert_eq!(kept(&last_served), None);
}

/// Caught: an answer of the old registry is taken for one of the new.
#[test]
fn a_read_that_began_in_another_era_is_made_again() {
    let last_served = LastServed::new(Arc::new(Kept::default()));
    let id = a();
    let old = last_served.begin(&id);
    last_served.begin_era();
    assert_eq!(old.note(Some(&at(9))), Noted::Overtaken);
    let old = last_served.begin(&id);
    last_served.begin_era();
    assert_eq!(old.note(None), Noted::Overtaken);
    assert_eq!(kept(&last_served), None);
}

/// Caught: a deletion is not remembered while a read is under way.
#[test]
fn a_read_that_began_before_a_deletion_does_not_bring_back_what_was_deleted() {
    let last_served = LastServed::new(Arc::new(Kept::default()));
    let id = a();
    read(&last_served, 3);
    let slow = last_served.begin(&id);
    last_served.observe(&change(ChangeKind::Deleted, 5));
    last_served.observe(&change(ChangeKind::Deleted, 4));
    assert_eq!(kept(&last_served), None);
    assert_eq!(slow.note(Some(&at(3))), Noted::Overtaken);
    assert_eq!(slow.note(Some(&at(4))), Noted::Overtaken);
    assert_eq!(kept(&last_served), None);
    // What was created after it is new.
    assert_eq!(slow.note(Some(&at(6))), Noted::Yes);
    assert_eq!(kept(&last_served), Some(6));
}

/// Caught: of two reads under way that disagree, the last to answer wins.
#[test]
fn of_two_reads_under_way_that_disagree_neither_wins() {
    let last_served = LastServed::new(Arc::new(Kept::default()));
    let id = a();
    let (one, other) = (last_served.begin(&id), last_served.begin(&id));
    assert_eq!(one.note(Some(&at(3))), Noted::Yes);
    assert_eq!(other.note(None), Noted::Overtaken);
    drop((one, other));
    let (one, other) = (last_served.begin(&id), last_served.begin(&id));
    assert_eq!(one.note(None), Noted::Yes);
    assert_eq!(kept(&last_served), None);
    last_served.observe(&change(ChangeKind::Deleted, 4));
    assert_eq!(other.note(Some(&at(9))), Noted::Overtaken);
}

/// Caught: a deletion that is told again forgets what was created since.
#[test]
fn old_news_of_a_deletion_forgets_nothing_that_was_read_since() {
    let last_served = LastServed::new(Arc::new(Kept::default()));
    read(&last_served, 7);
    last_served.observe(&change(ChangeKind::Deleted, 6));
    last_served.observe(&change(ChangeKind::Deactivated, 7));
    last_served.observe(&change(ChangeKind::Updated, 8));
    assert_eq!(kept(&last_served), Some(7));
    last_served.observe(&change(ChangeKind::Deactivated, 9));
    assert_eq!(kept(&last_served), None);
}

/// Caught: what is under way is never forgotten.
#[test]
fn of_ids_that_are_not_kept_nothing_stays() {
    let last_served = LastServed::new(Arc::new(Kept::default()));
    let id = a();
    for _ in 0..3 {
        let (one, other) = (last_served.begin(&id), last_served.begin(&id));
        assert_eq!(one.note(None), Noted::Yes);
        drop(other);
    }
    last_served.observe(&change(ChangeKind::Deleted, 9));
    let order = last_served.order();
    assert!(order.under_way.is_empty() && order.unconfirmed.is_empty());
}

/// Caught: the read returns and then notes.
#[tokio::test]
async fn what_a_read_returns_is_kept_already() {
    let backend = Arc::new(MemoryBackend::new());
    let snapshot = Arc::new(Kept::default());
    let reader = Reader::new(Arc::clone(&backend) as _).with_snapshot(Arc::clone(&snapshot) as _);
    let draft = Draft::active(PortableConfig::from_value(json!({})).unwrap());
    let id = a();
    let written = backend.put(&id, draft, Precondition::Any).await.unwrap();
    let read = reader.read(&a()).await.unwrap();
    assert_eq!(read.source, Source::Registry);
    assert_eq!(snapshot.load(&a()), Some(written));
    assert!(reader.is_kept(&a()));
    let unsigned = ChangeNote::default();
    let deleted = backend.delete(&id, Precondition::Any, &unsigned);
    deleted.await.unwrap();
    assert_eq!(reader.read(&a()).await.unwrap().registration, None);
    assert!(!reader.is_kept(&a()));
}
