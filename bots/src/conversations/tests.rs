use std::future::Future;
use std::pin::pin;

use futures::poll;

use super::*;

fn bot(name: &str) -> Id {
    Id::new(name).unwrap()
}

fn conversation(name: &str) -> ConversationId {
    ConversationId::new(name).unwrap()
}

fn store(conversations: usize) -> Conversations {
    Conversations::new(ConversationLimits {
        conversations,
        ..ConversationLimits::default()
    })
}

async fn say(store: &Conversations, name: &str, in_conversation: &str, message: &str) {
    let turn = store
        .begin(&bot(name), &conversation(in_conversation))
        .await;
    turn.keep(message.into(), &format!("re: {message}"), 10);
}

async fn said(store: &Conversations, name: &str, in_conversation: &str) -> Vec<String> {
    let turn = store
        .begin(&bot(name), &conversation(in_conversation))
        .await;
    turn.history(1000)
        .iter()
        .map(|message| message.text.to_string())
        .collect()
}

async fn is_waiting(begun: impl Future<Output = OpenTurn>) -> bool {
    poll!(pin!(begun)).is_pending()
}

#[tokio::test]
async fn what_was_said_is_remembered_in_order() {
    let store = store(10);
    say(&store, "b", "c", "one").await;
    say(&store, "b", "c", "two").await;
    assert_eq!(
        said(&store, "b", "c").await,
        ["one", "re: one", "two", "re: two"]
    );
}

#[tokio::test]
async fn bots_and_conversations_never_meet() {
    let store = store(10);
    say(&store, "b", "c", "hello").await;
    assert!(said(&store, "b", "other").await.is_empty());
    assert!(said(&store, "other", "c").await.is_empty());
    assert_eq!(store.len(), 1, "asking in vain leaves nothing behind");
}

#[tokio::test]
async fn a_conversation_keeps_its_last_whole_turns() {
    let store = store(10);
    for message in ["one", "two", "three"] {
        let turn = store.begin(&bot("b"), &conversation("c")).await;
        turn.keep(message.into(), "ok", 5);
    }
    assert_eq!(said(&store, "b", "c").await, ["two", "ok", "three", "ok"]);
    let turn = store.begin(&bot("b"), &conversation("c")).await;
    assert_eq!(turn.history(3).len(), 2);
    assert!(turn.history(1).is_empty());
    turn.keep("four".into(), "ok", 0);
    assert!(store.is_empty(), "a bot without memory keeps nothing");
}

#[tokio::test]
async fn past_the_limit_the_conversation_used_longest_ago_is_forgotten() {
    let store = store(2);
    say(&store, "b", "first", "x").await;
    say(&store, "b", "second", "x").await;
    say(&store, "b", "first", "x").await;
    say(&store, "b", "third", "x").await;
    assert_eq!(store.len(), 2);
    assert_eq!(said(&store, "b", "first").await.len(), 4);
    assert_eq!(said(&store, "b", "third").await.len(), 2);
}

#[tokio::test]
async fn past_the_byte_limit_the_oldest_are_forgotten() {
    let limits = ConversationLimits {
        total_bytes: 100,
        ..ConversationLimits::default()
    };
    let store = Conversations::new(limits);
    for name in ["first", "second", "third"] {
        let turn = store.begin(&bot("b"), &conversation(name)).await;
        turn.keep("x".repeat(20).into(), &"y".repeat(20), 10);
    }
    assert_eq!(store.len(), 2);
    assert!(said(&store, "b", "first").await.is_empty());
    let turn = store.begin(&bot("b"), &conversation("huge")).await;
    turn.keep("x".repeat(200).into(), "", 10);
    assert!(store.is_empty(), "even alone it is too much");
}

#[tokio::test(start_paused = true)]
async fn an_idle_conversation_is_forgotten_after_an_hour() {
    let store = store(10);
    say(&store, "b", "c", "x").await;
    tokio::time::advance(Duration::from_secs(3599)).await;
    assert_eq!(store.len(), 1);
    say(&store, "b", "c", "y").await;
    tokio::time::advance(Duration::from_secs(3599)).await;
    assert_eq!(said(&store, "b", "c").await.len(), 4);
    tokio::time::advance(Duration::from_hours(1)).await;
    assert!(store.is_empty());
    assert!(said(&store, "b", "c").await.is_empty());
}

#[tokio::test]
async fn a_deleted_bot_leaves_nothing_and_others_keep_theirs() {
    let store = store(10);
    for name in ["one", "two", "three"] {
        say(&store, "gone", name, "x").await;
    }
    say(&store, "stays", "c", "x").await;
    store.forget_bot(&bot("gone"));
    store.forget_bot(&bot("never was"));
    assert_eq!(store.len(), 1);
    assert!(said(&store, "gone", "one").await.is_empty());
    assert_eq!(said(&store, "stays", "c").await.len(), 2);
    store.forget_bot(&bot("stays"));
    let shelf = store.0.shelf();
    assert!(shelf.is_bare(), "no bot, order or byte stays behind");
}

#[tokio::test]
async fn a_turn_under_way_when_its_bot_is_deleted_is_not_kept() {
    let store = store(10);
    let turn = store.begin(&bot("b"), &conversation("c")).await;
    store.forget_bot(&bot("b"));
    turn.keep("x".into(), "y", 10);
    assert!(store.is_empty());
}

#[tokio::test]
async fn a_turn_that_is_dropped_never_was() {
    let store = store(10);
    drop(store.begin(&bot("b"), &conversation("new")).await);
    assert!(store.is_empty());
    say(&store, "b", "c", "one").await;
    drop(store.begin(&bot("b"), &conversation("c")).await);
    assert_eq!(said(&store, "b", "c").await, ["one", "re: one"]);
}

#[tokio::test]
async fn a_second_turn_waits_for_the_first_and_sees_it() {
    let store = store(10);
    let (b, c) = (bot("b"), conversation("c"));
    let first = store.begin(&b, &c).await;
    let mut second = pin!(store.begin(&b, &c));
    assert!(poll!(second.as_mut()).is_pending());
    assert!(
        !is_waiting(store.begin(&b, &conversation("other"))).await,
        "others do not wait"
    );
    first.keep("one".into(), "re: one", 10);
    assert_eq!(second.await.history(10).len(), 2);
}

#[tokio::test]
async fn a_turn_that_gives_up_waiting_leaves_no_trace() {
    let store = store(10);
    let (b, c) = (bot("b"), conversation("c"));
    let first = store.begin(&b, &c).await;
    assert!(is_waiting(store.begin(&b, &c)).await);
    drop(first);
    assert!(store.is_empty());
}

#[tokio::test]
async fn a_turn_that_waited_while_its_conversation_was_forgotten_begins_it_anew() {
    let store = store(10);
    let (b, c) = (bot("b"), conversation("c"));
    say(&store, "b", "c", "old").await;
    let first = store.begin(&b, &c).await;
    let mut second = pin!(store.begin(&b, &c));
    assert!(poll!(second.as_mut()).is_pending());
    store.forget_bot(&b);
    first.keep("lost".into(), "lost", 10);
    let second = second.await;
    assert!(second.history(10).is_empty());
    second.keep("new".into(), "re: new", 10);
    assert_eq!(said(&store, "b", "c").await, ["new", "re: new"]);
}

#[tokio::test]
async fn a_turn_of_a_forgotten_conversation_is_not_kept_in_the_one_begun_in_its_place() {
    let store = store(10);
    let (b, c) = (bot("b"), conversation("c"));
    let old = store.begin(&b, &c).await;
    store.forget_bot(&b);
    let new = store.begin(&b, &c).await;
    old.keep("old".into(), "re: old", 10);
    assert!(new.history(10).is_empty());
    new.keep("new".into(), "re: new", 10);
    assert_eq!(said(&store, "b", "c").await, ["new", "re: new"]);
}

#[tokio::test(start_paused = true)]
async fn idleness_counts_from_the_end_of_a_turn() {
    let store = store(10);
    let turn = store.begin(&bot("b"), &conversation("c")).await;
    tokio::time::advance(Duration::from_mins(59)).await;
    turn.keep("x".into(), "y", 10);
    tokio::time::advance(Duration::from_mins(59)).await;
    assert_eq!(store.len(), 1);
}

#[tokio::test]
async fn when_the_first_turn_of_a_conversation_fails_the_next_in_line_comes_before_a_newcomer() {
    let store = store(10);
    let (b, c) = (bot("b"), conversation("c"));
    let first = store.begin(&b, &c).await;
    let mut second = pin!(store.begin(&b, &c));
    assert!(poll!(second.as_mut()).is_pending());
    drop(first);
    assert!(is_waiting(store.begin(&b, &c)).await);
    assert!(poll!(second.as_mut()).is_ready());
}

#[test]
fn debug_shows_nothing_that_was_said() {
    assert!(format!("{:?}", store(3)).starts_with("Conversations { limits: ConversationLimits {"));
}
