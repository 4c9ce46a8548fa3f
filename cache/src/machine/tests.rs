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
    /// - `settle`: settled becomes `self.epoch` whatever was read (stale fill);
    /// - `settle`: `Next::Rest` also when `settled < epoch` (a build is owed and nobody begins one);
    /// - `observe`: no new epoch (a reader is served what was observed to be old);
    /// - `observe`: a deletion does not settle its epoch (an older build revives the deleted);
    /// - `judge`: without the check against `attempt.observed` (a lagging registry is believed);
    /// - `judge`: without raising `observed` to what was read (a reader sees an older revision after a newer one);
    /// - `judge`: a salvaged instance is installed over what is known to be gone;
    /// - `begin_era`: leaves the revision of an inactive registration (changes of the new registry are old news);
    /// - `begin`: confirmable although forced (an invalidated instance is handed out again);
    /// - `start`: begins although a build is under way (two builds of one id);
    /// - `start_early`: begins although nothing is owed (a failing factory is called before its time);
    /// - `fail`: attempts never count (the wait does not grow);
    /// - `fresh_until`: the trust although a failure is recorded;
    /// - `settle`: a retired machine comes to rest (it is in service again).
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
