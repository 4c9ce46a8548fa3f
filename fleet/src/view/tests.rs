use super::*;
use crate::NodeState;
use chrono::Utc;
use hotbed_registry::Revision;
use std::collections::BTreeMap;

const SECOND: Duration = Duration::from_secs(1);

fn report(node: &str, incarnation: u128, beat: u64, applied: u64) -> NodeReport {
    let progress = Progress {
        applied: Revision(applied),
        head: Revision(applied),
        ..Progress::default()
    };
    NodeReport {
        node: NodeId::new(node).unwrap(),
        incarnation: Uuid::from_u128(incarnation),
        beat,
        next_within: SECOND,
        host: "host".into(),
        pid: 1,
        address: "127.0.0.1:1".into(),
        version: "0".into(),
        started_at: Utc::now(),
        environment: "test".into(),
        state: NodeState::Ready,
        collections: BTreeMap::from([(CollectionName::bots(), progress)]),
    }
}

fn names(view: &View, now: Instant) -> Vec<String> {
    let seen = view.seen(now).into_iter();
    seen.map(|seen| seen.report.node.to_string()).collect()
}

/// Mutation it catches: taking a repeated report for a sign of life.
#[test]
fn a_node_whose_count_stands_still_is_silent_and_then_gone() {
    let (mut view, now) = (View::default(), Instant::now());
    view.hear(report("a", 1, 1, 5), now);
    view.hear(report("a", 1, 1, 5), now + 3 * SECOND);
    assert!(!view.seen(now + 3 * SECOND)[0].silent);
    let seen = view.seen(now + 4 * SECOND);
    assert!(seen[0].silent);
    assert_eq!(seen[0].heard_ago, 4 * SECOND);
    assert!(view.sweep(now + 10 * SECOND).is_empty());
    assert_eq!(view.sweep(now + 11 * SECOND), [Uuid::from_u128(1)]);
    assert_eq!(view.len(), 0);
}

#[test]
fn reports_that_come_late_do_not_step_back() {
    let (mut view, now) = (View::default(), Instant::now());
    view.hear(report("a", 1, 7, 9), now);
    view.hear(report("a", 1, 6, 8), now + SECOND);
    let seen = &view.seen(now + SECOND)[0];
    assert_eq!(seen.report.beat, 7);
    assert_eq!(seen.heard_ago, SECOND);
}

#[test]
fn a_node_that_says_so_leaves_at_once() {
    let (mut view, now) = (View::default(), Instant::now());
    view.hear(report("a", 1, 1, 5), now);
    view.leave(Uuid::from_u128(1));
    assert_eq!(view.len(), 0);
}

#[test]
fn a_restarted_node_takes_the_place_of_the_process_before() {
    let (mut view, now) = (View::default(), Instant::now());
    view.hear(report("a", 1, 40, 5), now);
    view.hear(report("a", 2, 1, 6), now);
    let seen = view.seen(now);
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].report.incarnation, Uuid::from_u128(2));
    assert_eq!(view.sweep(now), [Uuid::from_u128(1)]);
}

#[test]
fn two_living_nodes_of_one_name_are_both_shown_and_said_to_be_so() {
    let (mut view, now) = (View::default(), Instant::now());
    view.hear(report("a", 1, 1, 5), now);
    view.hear(report("a", 2, 1, 5), now);
    view.hear(report("a", 1, 2, 5), now);
    let seen = view.seen(now);
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|seen| seen.duplicate));
}

#[test]
fn whoever_needs_a_look_comes_first() {
    let (mut view, now) = (View::default(), Instant::now());
    let with = |node: &str, incarnation, change: fn(&mut Progress)| {
        let mut report = report(node, incarnation, 1, 9);
        report.collections.values_mut().for_each(change);
        report
    };
    view.hear(with("silent", 1, |_| {}), now);
    let now = now + 5 * SECOND;
    view.hear(with("well-b", 2, |_| {}), now);
    view.hear(with("well-a", 3, |_| {}), now);
    view.hear(with("failing", 4, |it| it.failing = 1), now);
    view.hear(with("behind", 5, |it| it.applied = Revision(7)), now);
    view.hear(with("stale", 6, |it| it.stale = true), now);
    let expected = ["silent", "stale", "behind", "failing", "well-a", "well-b"];
    assert_eq!(names(&view, now), expected);
}

#[test]
fn strangers_do_not_take_all_memory() {
    let (mut view, now) = (View::default(), Instant::now());
    for stranger in 0..MAX_NODES as u128 + 10 {
        view.hear(report(&format!("n{stranger}"), stranger, 1, 1), now);
    }
    assert_eq!(view.len(), MAX_NODES);
}
