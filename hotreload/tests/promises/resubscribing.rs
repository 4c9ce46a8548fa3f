use crate::backend::FaultyBackend;
use crate::bus::{FaultyBus, Reception};
use crate::recorder::Recorder;
use crate::world::{Node, announce, event_driven, pass, settle, topic};
use hotbed_events::MemoryBus;
use hotbed_hotreload::ReloadMode;
use hotbed_registry::Revision;
use std::time::Duration;

/// However subscribing fails, it is tried again with growing waits of up to 5 s: not in a spin, and not given up.
///
/// Mutations: `Ear` forgets its failures when a subscription ends; it does not count them; `backoff` does not double;
/// `MAX_RETRY` is a minute.
#[tokio::test(start_paused = true)]
async fn a_bus_that_cannot_be_heard_is_tried_again_with_back_off() {
    for reception in [Reception::Refused, Reception::EndsAtOnce, Reception::Hang] {
        let (backend, bus) = (FaultyBackend::new(), FaultyBus::new(MemoryBus::new()));
        bus.rule(reception);
        let _node = Node::start(&backend, event_driven(&bus), vec![Recorder::new()]);
        pass(Duration::from_mins(1)).await;
        let attempts = bus.attempts();
        let hangs = reception == Reception::Hang;
        let expected = if hangs { 7..=12 } else { 12..=22 };
        assert!(expected.contains(&attempts), "{attempts}, {reception:?}");
        let reads = backend.all_calls();
        assert!(
            reads <= 2 * attempts + 3,
            "{reads} reads, {attempts} attempts"
        );

        bus.rule(Reception::Welcome);
        pass(Duration::from_secs(11)).await;
        assert!(bus.is_heard(), "{reception:?}");
    }
}

/// Polls that are more frequent than attempts to subscribe neither delay those nor begin them anew.
///
/// Mutations: `Ear::hear` begins its attempt anew each time; it keeps the subscription in the future that is dropped.
#[tokio::test(start_paused = true)]
async fn polls_do_not_keep_a_node_from_subscribing() {
    for reception in [Reception::Refused, Reception::Hang] {
        let (backend, bus) = (FaultyBackend::new(), FaultyBus::new(MemoryBus::new()));
        bus.rule(reception);
        let mode = ReloadMode::Hybrid {
            bus: bus.clone(),
            topics: topic().into(),
            every: Duration::from_millis(50),
        };
        let _node = Node::start(&backend, mode, vec![Recorder::new()]);
        pass(Duration::from_mins(1)).await;
        let attempts = bus.attempts();
        assert!((7..=22).contains(&attempts), "{attempts}, {reception:?}");
        bus.rule(Reception::Welcome);
        pass(Duration::from_secs(11)).await;
        assert!(bus.is_heard(), "{reception:?}");
    }
}

/// A subscription that lasted is missed at once, and the next failure is the first again.
///
/// Mutation: `Ear` never forgets its failures.
#[tokio::test(start_paused = true)]
async fn a_subscription_that_lasted_is_replaced_at_once() {
    let (backend, bus) = (FaultyBackend::new(), FaultyBus::new(MemoryBus::new()));
    let recorder = Recorder::new();
    let _node = Node::start(&backend, event_driven(&bus), vec![recorder.clone()]);
    for cut in 1..=20 {
        pass(Duration::from_secs(10)).await;
        assert_eq!(bus.attempts(), cut);
        bus.cut();
        pass(Duration::from_millis(150)).await;
        assert!(bus.is_heard(), "cut {cut}");
    }
    settle().await;
    announce(&bus, "bot", Revision(1)).await;
    settle().await;
    assert_eq!(recorder.revisions(), [1]);
}
