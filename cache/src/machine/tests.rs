//! Random lives of one id, held against a world and a memory that are too simple to be wrong.
//!
//! `rig` plays everything around the machine: the registry with its log, the shell that builds, the readers. After
//! each step it asks whether what the machine says can be justified from what really happened. Each test below is one
//! claim; the mutation that it catches stands above it.

mod rig;

use super::*;
use proptest::prelude::*;
use rig::{Read, Rig, Step, Write, steps};
use std::time::Duration;

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Every claim after every step, and at the end a quiet world: each waiter is answered and the truth is served.
    ///
    /// Mutations that this catches, each tried:
    /// - `observe` begins no epoch, or takes old news; `invalidate` begins none (what is known to be old is served);
    /// - `judge` settles the newest epoch whatever was read, or whatever was invalidated meanwhile; it does not look
    ///   at the era; it believes a registry that lags behind (stale fill);
    /// - a deletion does not settle its epoch, or what was built before it is not dropped (the deleted is revived);
    /// - a deletion is no end for those who wait; `ended` is not counted; `check` does not look at it, or not at the
    ///   epoch (a reader waits for ever, or is told what it was asked to doubt);
    /// - `settle` rests although a build is owed, or although the cache wants the room, or when retired;
    /// - `start` begins a second build; `start_early` begins whatever is owed; `ask` begins before a retry is due (a
    ///   failing factory is called out of turn);
    /// - `begin` confirms what was invalidated; `begin_era` keeps what was observed;
    /// - `ask` takes no notice of the end of trust, or withholds the last good one for the time of an attempt;
    /// - `fresh_until` promises while a build is owed, after retirement, or beyond the next attempt;
    /// - `trouble` is not cleared by success.
    #[test]
    fn whatever_happens_every_answer_can_be_justified(steps in steps()) {
        let mut rig = Rig::new();
        for step in steps {
            rig.step(step);
        }
        rig.come_to_rest();
    }
}

#[test]
fn an_old_build_cannot_revive_what_was_deleted_and_created_again_meanwhile() {
    let mut rig = Rig::new();
    rig.steps([
        Step::Write(Write::Active),
        Step::Ask,
        Step::Read(Read::Honest),
        Step::Write(Write::Deleted),
        Step::TellNewest,
        Step::Write(Write::Active),
        Step::TellNewest,
        Step::Settle,
    ]);
    assert_eq!(rig.installed(), None);
    rig.come_to_rest();
    assert_eq!(rig.installed(), Some(Revision(3)));
}

#[test]
fn a_registry_that_lags_behind_what_it_answered_itself_takes_nothing_back() {
    let mut rig = Rig::new();
    rig.steps([
        Step::Write(Write::Active),
        Step::Write(Write::Active),
        Step::Ask,
        Step::Settle,
        Step::Invalidate,
        Step::Ask,
        Step::Read(Read::Stale(1)),
        Step::Settle,
    ]);
    assert_eq!(rig.installed(), Some(Revision(2)));
    assert_eq!(rig.machine.state(), InstanceState::Degraded);
}

#[test]
fn a_deleted_registration_is_not_salvaged_from_the_snapshot() {
    let mut rig = Rig::new();
    rig.steps([
        Step::Write(Write::Active),
        Step::Ask,
        Step::Settle,
        Step::Write(Write::Deleted),
        Step::TellNewest,
        Step::Wait(10_000_000),
        Step::Ask,
        Step::Read(Read::Salvaged(1)),
        Step::Settle,
    ]);
    assert_eq!(rig.installed(), None);
    assert_eq!(rig.machine.state(), InstanceState::Failed);
}

#[test]
fn changes_of_a_new_registry_count_whatever_the_old_one_held() {
    for held in [Write::Active, Write::Inactive] {
        let mut rig = Rig::new();
        rig.steps([Step::Write(Write::Active); 9]);
        rig.steps([
            Step::Write(held),
            Step::Ask,
            Step::Settle,
            Step::NewEra,
            Step::Write(Write::Active),
            Step::Ask,
            Step::Read(Read::Honest),
            Step::Write(Write::Active),
            Step::TellNewest,
            Step::Settle,
            Step::Ask,
        ]);
        rig.come_to_rest();
        assert_eq!(rig.installed(), Some(Revision(2)), "{held:?}");
    }
}

/// What was known of the id has left the cache, so that old news looks new.
#[test]
fn a_late_deactivation_or_deletion_of_what_is_not_held_is_looked_up() {
    for late in [Write::Inactive, Write::Deleted] {
        let mut rig = Rig::new();
        rig.steps([
            Step::Write(Write::Active),
            Step::Write(late),
            Step::Write(Write::Active),
            Step::Ask,
            Step::Read(Read::Refused),
            Step::Settle,
            Step::Tell(1),
            Step::Ask,
            Step::Settle,
        ]);
        assert_eq!(rig.installed(), Some(Revision(3)), "{late:?}");
    }
}

/// A deletion that comes late says nothing of what was created since, which a build is about to find.
///
/// Mutation that this catches: what is not held is answered as held is, and begins its negative time at once.
#[test]
fn a_late_deletion_of_what_is_not_held_answers_nobody_who_waits() {
    for late in [Write::Inactive, Write::Deleted] {
        let mut rig = Rig::new();
        rig.steps([
            Step::Write(Write::Active),
            Step::Write(late),
            Step::Write(Write::Active),
            Step::Ask,
            Step::Tell(1),
        ]);
        assert_eq!(rig.waiting(), 1, "{late:?}");
        rig.steps([Step::Settle, Step::Look(0)]);
        assert_eq!(rig.waiting(), 0, "{late:?}");
        assert_eq!(rig.installed(), Some(Revision(3)), "{late:?}");
    }
}

/// The registry goes away after a build has read what was deleted since.
///
/// Mutation that this catches: `judge` does not remember what is gone.
#[test]
fn what_was_read_before_a_late_deletion_serves_nobody() {
    for read in [Read::Honest, Read::Salvaged(0)] {
        let mut rig = Rig::new();
        rig.steps([
            Step::Write(Write::Active),
            Step::Ask,
            Step::Read(read),
            Step::Write(Write::Deleted),
            Step::TellNewest,
            Step::Settle,
        ]);
        assert_eq!(rig.installed(), None, "{read:?}");
        rig.steps([Step::Read(Read::Down), Step::Settle]);
        assert_eq!(rig.installed(), None, "{read:?}");
        rig.come_to_rest();
    }
}

#[test]
fn each_failure_doubles_the_wait_for_the_next_attempt() {
    let mut rig = Rig::new();
    rig.steps([
        Step::Write(Write::Active),
        Step::Ask,
        Step::Read(Read::Refused),
        Step::Settle,
        Step::Wait(500),
        Step::Ask,
        Step::Read(Read::Refused),
        Step::Settle,
        Step::Wait(600),
        Step::Ask,
        Step::Early,
        Step::Wait(400),
        Step::Ask,
        Step::Settle,
    ]);
    assert_eq!(rig.installed(), Some(Revision(1)));
}

#[test]
fn a_failure_is_remembered_until_its_wait_can_no_longer_grow() {
    let mut rig = Rig::new();
    rig.steps([
        Step::Write(Write::Active),
        Step::Ask,
        Step::Read(Read::Refused),
        Step::Settle,
    ]);
    let (_, retry_at) = rig.machine.failure().unwrap();
    assert!(!rig.machine.is_spent(retry_at, &rig.settings));
    let forgotten = retry_at + rig.settings.max_backoff;
    assert!(
        !rig.machine
            .is_spent(forgotten - Duration::from_millis(1), &rig.settings)
    );
    assert!(rig.machine.is_spent(forgotten, &rig.settings));
}
