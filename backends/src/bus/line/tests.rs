use super::*;
use async_trait::async_trait;
use hotbed_events::{Delivery, Event, EventKind, Topic};
use std::fmt;
use std::sync::{Mutex, MutexGuard};
use tokio::sync::mpsc;

/// A server that does as it is told, and its transport. Channels are called as their topics are.
#[derive(Clone)]
struct Server(Arc<Mutex<Inside>>);

struct Inside {
    refuses: Option<&'static str>,
    /// How long it takes to confirm what is listened to.
    confirming: Duration,
    /// What it says at the moment in which it confirms.
    parting: Option<&'static str>,
    /// Hangs up as soon as it has confirmed.
    flaps: bool,
    attempts: Vec<Instant>,
    listened_to: BTreeSet<String>,
    line: Option<mpsc::Sender<Event>>,
}

struct Wire {
    server: Server,
    messages: mpsc::Receiver<Event>,
}

fn event(name: &str) -> Event {
    let topic = Topic::new(name).unwrap();
    Event::new(topic, EventKind::Updated, serde_json::Map::new())
}

impl Server {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Inside {
            refuses: None,
            confirming: Duration::ZERO,
            parting: None,
            flaps: false,
            attempts: Vec::new(),
            listened_to: BTreeSet::new(),
            line: None,
        })))
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap()
    }

    fn line(&self) -> Line {
        Line::new(Arc::new(self.clone()))
    }

    fn says(&self, name: &str) {
        let inside = self.inside();
        assert!(inside.listened_to.contains(name), "somebody listens");
        inside.line.as_ref().unwrap().try_send(event(name)).unwrap();
    }

    fn hangs_up(&self) {
        self.inside().line = None;
    }

    fn goes_away(&self, why: &'static str) {
        self.inside().refuses = Some(why);
        self.hangs_up();
    }

    fn comes_back(&self) {
        self.inside().refuses = None;
    }

    fn listened_to(&self) -> Vec<String> {
        self.inside().listened_to.iter().cloned().collect()
    }

    fn attempts(&self) -> usize {
        self.inside().attempts.len()
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a server of a test")
    }
}

#[async_trait]
impl Transport for Server {
    fn channels(&self, interest: &Interest) -> BTreeSet<String> {
        let topics = interest.topics().iter();
        topics.map(ToString::to_string).collect()
    }

    async fn connect(&self) -> Result<Box<dyn Connection>, BoxError> {
        let mut inside = self.inside();
        inside.attempts.push(Instant::now());
        if let Some(why) = inside.refuses {
            return Err(why.into());
        }
        let (line, messages) = mpsc::channel(16);
        inside.line = Some(line);
        Ok(Box::new(Wire {
            server: self.clone(),
            messages,
        }))
    }

    async fn publish(&self, _: &[Event]) -> Result<(), Error> {
        unreachable!("a line only listens")
    }
}

#[async_trait]
impl Connection for Wire {
    async fn listen(&mut self, channels: &BTreeSet<String>) -> Result<(), BoxError> {
        let confirming = self.server.inside().confirming;
        tokio::time::sleep(confirming).await;
        let mut inside = self.server.inside();
        inside.listened_to.clone_from(channels);
        if let (Some(name), Some(line)) = (inside.parting, &inside.line) {
            line.try_send(event(name))?;
        }
        if inside.flaps {
            inside.line = None;
        }
        Ok(())
    }

    async fn next(&mut self) -> Result<Heard, BoxError> {
        let event = self.messages.recv().await;
        Ok(Heard::Event(Box::new(event.ok_or("hung up")?)))
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.server.inside().listened_to.clear();
    }
}

fn topics<const N: usize>(names: [&str; N]) -> Interest {
    names
        .map(|name| Topic::new(name).unwrap())
        .into_iter()
        .collect()
}

/// The next delivery in a word.
async fn next(subscription: &mut Subscription) -> String {
    let next = tokio::time::timeout(Duration::from_mins(1), subscription.next()).await;
    match next.expect("something is told in time") {
        Some(Delivery::Event(event)) => event.topic.to_string(),
        Some(Delivery::Gap) => "gap".to_owned(),
        Some(Delivery::Lost(reason)) => format!("lost: {reason}"),
        None => "end".to_owned(),
    }
}

/// Subscribes, and takes the gaps with which the first subscription of a line begins.
async fn first(line: &Line, interest: &Interest) -> Subscription {
    let mut subscription = line.subscribe(interest).await.unwrap();
    for _ in 0..2 {
        assert_eq!(next(&mut subscription).await, "gap");
    }
    subscription
}

/// Lets what is under way be done.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// Mutation it catches: subscribing at the hub once the server has confirmed.
#[tokio::test(start_paused = true)]
async fn what_comes_with_the_confirmation_is_heard() {
    let server = Server::new();
    server.inside().parting = Some("a");
    let line = server.line();
    let mut subscription = first(&line, &topics(["a"])).await;
    assert_eq!(next(&mut subscription).await, "a");
}

/// Mutations it catches: not counting who wants a channel; not telling the server of what nobody wants any more.
#[tokio::test(start_paused = true)]
async fn a_channel_is_listened_to_while_anybody_wants_it() {
    let server = Server::new();
    let line = server.line();
    let one = line.subscribe(&topics(["a", "b"])).await.unwrap();
    let other = line.subscribe(&topics(["b", "c"])).await.unwrap();
    assert_eq!(server.listened_to(), ["a", "b", "c"]);
    drop(one);
    settle().await;
    assert_eq!(server.listened_to(), ["b", "c"]);
    drop(other);
    settle().await;
    assert!(server.listened_to().is_empty());
    assert_eq!(server.attempts(), 1, "one connection serves all");
    line.subscribe(&topics(["a"])).await.unwrap();
    assert_eq!(server.attempts(), 2, "and is made anew after all had gone");
}

/// Mutation it catches: taking a change that comes while the server confirms for one that was confirmed.
#[tokio::test(start_paused = true)]
async fn what_is_wanted_while_the_server_confirms_is_listened_to_next() {
    let server = Server::new();
    server.inside().confirming = Duration::from_secs(1);
    let line = server.line();
    let (a, b) = (topics(["a"]), topics(["b"]));
    let later = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let subscription = line.subscribe(&b).await;
        assert_eq!(server.listened_to(), ["a", "b"], "once it is subscribed");
        subscription
    };
    let (one, other) = tokio::join!(line.subscribe(&a), later);
    let (mut one, mut other) = (one.unwrap(), other.unwrap());
    server.says("b");
    for subscription in [&mut one, &mut other] {
        assert_eq!(next(subscription).await, "gap");
        assert_eq!(next(subscription).await, "gap");
    }
    assert_eq!(next(&mut other).await, "b");
}

/// Mutation it catches: telling the loss with every attempt to connect.
#[tokio::test(start_paused = true)]
async fn a_loss_is_told_once_for_each_reason_and_its_end_by_a_gap() {
    let server = Server::new();
    let line = server.line();
    let mut subscription = first(&line, &topics(["a"])).await;
    server.goes_away("refused");
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(server.attempts() > 10, "it is tried again and again");
    server.inside().refuses = Some("unknown password");
    tokio::time::sleep(Duration::from_secs(30)).await;
    server.comes_back();
    for told in [
        "lost: hung up",
        "lost: refused",
        "lost: unknown password",
        "gap",
    ] {
        assert_eq!(next(&mut subscription).await, told);
    }
    server.says("a");
    assert_eq!(next(&mut subscription).await, "a");
    server.hangs_up();
    for told in ["lost: hung up", "gap"] {
        assert_eq!(next(&mut subscription).await, told);
    }
}

/// Mutation it catches: beginning with the shortest wait whenever the server has confirmed something.
#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_up_at_once_is_left_in_peace() {
    let server = Server::new();
    let line = server.line();
    let _subscription = first(&line, &topics(["a"])).await;
    server.inside().flaps = true;
    server.hangs_up();
    tokio::time::sleep(Duration::from_mins(1)).await;
    let attempts = server.attempts();
    assert!((30..=50).contains(&attempts), "{attempts} in a minute");
}

/// Mutation it catches: never forgetting old failures.
#[tokio::test(start_paused = true)]
async fn a_connection_that_lasted_is_made_anew_soon() {
    let server = Server::new();
    let line = server.line();
    let mut subscription = first(&line, &topics(["a"])).await;
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_secs(3)).await;
        server.hangs_up();
        let lost = Instant::now();
        assert_eq!(next(&mut subscription).await, "lost: hung up");
        assert_eq!(next(&mut subscription).await, "gap");
        assert!(lost.elapsed() < RETRY * 2, "{:?}", lost.elapsed());
    }
}

/// Mutation it catches: answering while the connection is lost that all is well, as it was before.
#[tokio::test(start_paused = true)]
async fn during_an_outage_a_subscription_is_refused_and_told_why() {
    let server = Server::new();
    let line = server.line();
    let mut subscription = first(&line, &topics(["a"])).await;
    server.goes_away("refused");
    for name in ["a", "b"] {
        let began = Instant::now();
        let refused = line.subscribe(&topics([name])).await.unwrap_err();
        assert_eq!(
            chain(&refused),
            "event bus cannot be reached to subscribe: refused"
        );
        assert!(began.elapsed() <= PATIENCE + Duration::from_millis(10));
    }
    server.comes_back();
    while next(&mut subscription).await != "gap" {}
    assert_eq!(server.listened_to(), ["a"], "nobody waits for b any more");
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_waits_is_made_when_the_server_is_back() {
    let server = Server::new();
    server.goes_away("refused");
    let line = server.line();
    let back = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        server.comes_back();
    };
    let interest = topics(["a"]);
    let (subscription, ()) = tokio::join!(line.subscribe(&interest), back);
    let mut subscription = subscription.unwrap();
    server.says("a");
    let mut last = String::new();
    // Whatever it was told of the time before, it was told the end of it too.
    loop {
        let told = next(&mut subscription).await;
        if told == "a" {
            break;
        }
        last = told;
    }
    assert_eq!(last, "gap");
}

/// Mutation it catches: taking a wish back only when its subscription was made.
#[tokio::test(start_paused = true)]
async fn an_abandoned_subscription_wants_nothing() {
    let server = Server::new();
    server.inside().confirming = Duration::from_secs(1);
    let line = server.line();
    let _kept = line.subscribe(&topics(["a"])).await.unwrap();
    for patience in [0, 1, 500, 999, 1_500] {
        let interest = topics(["a", "b"]);
        let subscribing = line.subscribe(&interest);
        drop(tokio::time::timeout(Duration::from_millis(patience), subscribing).await);
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(server.listened_to(), ["a"], "after {patience} ms");
    }
}

/// Mutation it catches: waiting for a confirmation for ever.
#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_confirm_is_given_up() {
    let server = Server::new();
    server.inside().confirming = Duration::from_hours(1);
    let line = server.line();
    let refused = line.subscribe(&topics(["a"])).await.unwrap_err();
    assert!(chain(&refused).contains("not connected yet"), "{refused:?}");
    server.inside().confirming = Duration::ZERO;
    let mut subscription = line.subscribe(&topics(["a"])).await.unwrap();
    while next(&mut subscription).await != "gap" {}
}

#[tokio::test(start_paused = true)]
async fn an_interest_in_nothing_needs_no_server() {
    let server = Server::new();
    server.goes_away("refused");
    let line = server.line();
    let mut subscription = line.subscribe(&Interest::none()).await.unwrap();
    assert_eq!(next(&mut subscription).await, "gap");
    assert_eq!(server.attempts(), 0);
}

/// Mutation it catches: a task that goes on without its line.
#[tokio::test(start_paused = true)]
async fn with_the_line_its_connection_and_its_subscriptions_end() {
    let server = Server::new();
    let line = server.line();
    let mut subscription = first(&line, &topics(["a"])).await;
    drop(line);
    assert_eq!(next(&mut subscription).await, "end");
    assert!(server.listened_to().is_empty());
}
