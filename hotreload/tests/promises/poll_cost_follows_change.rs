use crate::backend::{Call, Fault, FaultyBackend};
use crate::bus::FaultyBus;
use crate::recorder::Recorder;
use crate::world::{Node, announce, delete, event_driven, pass, polling, settle, write};
use hotbed_events::MemoryBus;
use hotbed_registry::Revision;
use std::time::Duration;

const EVERY: Duration = Duration::from_secs(5);
/// More than the memory bus holds for a slow subscriber, and ten pages of the log.
const MANY: u64 = 10_000;

/// An idle poll is one read of the log, whatever the number of registrations.
///
/// Mutations: `walk` relists each time; it reads the head first; it asks again after an empty page.
#[tokio::test(start_paused = true)]
async fn poll_cost_follows_change() {
    for registrations in [10, MANY] {
        let backend = FaultyBackend::new();
        for n in 0..registrations {
            write(&backend, &format!("bot-{n}")).await;
        }
        let _node = Node::start(&backend, polling(EVERY), vec![Recorder::new()]);
        settle().await;
        let first = backend.all_calls();
        let beginning = backend.calls(Call::Changes);
        assert_eq!(beginning, 1, "the first sync lists, and reads on after it");
        pass(100 * EVERY).await;
        let polls = backend.calls(Call::Changes) - beginning;
        assert!((100..=112).contains(&polls), "{polls}");
        let idle = backend.all_calls() - first;
        assert_eq!(idle, polls, "with {registrations} registrations");
    }
}

/// What changed while the loop was behind is read by the page, not by the event.
///
/// Mutations: `walk` ends after one page; an event behind a gap is read for on its own.
#[tokio::test(start_paused = true)]
async fn ten_thousand_announcements_cost_a_handful_of_log_reads() {
    let (backend, bus) = (FaultyBackend::new(), FaultyBus::new(MemoryBus::new()));
    let recorder = Recorder::new();
    let node = Node::start(&backend, event_driven(&bus), vec![recorder.clone()]);
    pass(Duration::from_secs(1)).await;
    let before = backend.all_calls();
    // Nothing here yields to the loop.
    for n in 0..MANY {
        let revision = write(&backend, &format!("bot-{n}")).await;
        announce(&bus, "bot-0", revision).await;
    }
    pass(Duration::from_secs(1)).await;
    assert_eq!(node.handle.freshness().revision, Revision(MANY));
    assert_eq!(recorder.revisions(), (1..=MANY).collect::<Vec<_>>());
    let reads = backend.all_calls() - before;
    assert!(reads <= 12, "{reads} reads");
}

/// Events that follow one another cost no read at all.
///
/// Mutations: `hear` answers `Gap` to what follows; old news counts as a gap.
#[tokio::test(start_paused = true)]
async fn an_event_that_follows_the_last_one_costs_no_read() {
    let (backend, bus) = (FaultyBackend::new(), FaultyBus::new(MemoryBus::new()));
    let recorder = Recorder::new();
    let _node = Node::start(&backend, event_driven(&bus), vec![recorder.clone()]);
    pass(Duration::from_secs(1)).await;
    let before = backend.all_calls();
    for n in 1..=100 {
        announce(&bus, "bot", Revision(n)).await;
        announce(&bus, "bot", Revision(n)).await;
        settle().await;
    }
    assert_eq!(recorder.revisions(), (1..=100).collect::<Vec<_>>());
    assert_eq!(backend.all_calls(), before);
}

/// Gaps that come one after the other are read for together, and after a failure the back-off holds.
///
/// Mutations: `BREATH` is zero; a gap makes a read due at once although reads fail.
#[tokio::test(start_paused = true)]
async fn a_storm_of_gaps_costs_few_reads() {
    let (backend, bus) = (FaultyBackend::new(), FaultyBus::new(MemoryBus::new()));
    let _node = Node::start(&backend, event_driven(&bus), vec![Recorder::new()]);
    pass(Duration::from_secs(1)).await;
    for (fault, at_most) in [(Fault::None, 60), (Fault::Fail, 8)] {
        backend.rule(move |_| fault);
        let before = backend.all_calls();
        for _ in 0..1_000 {
            bus.gap();
            settle().await;
        }
        let reads = backend.all_calls() - before;
        assert!((1..=at_most).contains(&reads), "{reads} reads, {fault:?}");
    }
}

/// What changed costs one read as well, a deletion too, and is told once.
///
/// Mutations: `walk` asks once more after the page that reached the head; an empty page makes it relist.
#[tokio::test(start_paused = true)]
async fn a_change_costs_one_read_and_is_told_once() {
    let backend = FaultyBackend::new();
    write(&backend, "bot").await;
    let recorder = Recorder::new();
    let node = Node::start(&backend, polling(EVERY), vec![recorder.clone()]);
    settle().await;
    delete(&backend, "bot").await;
    let before = backend.all_calls();
    node.handle.sync().await.unwrap();
    assert_eq!(backend.all_calls() - before, 1);
    pass(10 * EVERY).await;
    assert_eq!(recorder.revisions(), [1, 2]);
}

/// Who asks while a read is under way shares the next one with all others who do.
///
/// Mutation: each `sync` walks.
#[tokio::test(start_paused = true)]
async fn many_who_ask_at_once_share_a_read() {
    let backend = FaultyBackend::new();
    let node = Node::start(&backend, polling(EVERY), vec![Recorder::new()]);
    settle().await;
    backend.rule(|_| Fault::Late(Duration::from_millis(10)));
    let before = backend.all_calls();
    let syncs = (0..100).map(|_| node.handle.sync());
    for synced in futures::future::join_all(syncs).await {
        synced.unwrap();
    }
    let reads = backend.all_calls() - before;
    assert!(reads <= 2, "{reads} reads");
}
