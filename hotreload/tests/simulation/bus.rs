//! The bus as one node hears it.

use crate::census::Census;
use crate::dice::Dice;
use crate::trace::Trace;
use crate::weather::{Events, Weather};
use async_trait::async_trait;
use futures::stream;
use hotbed_events::{Delivery, Error, Event, EventBus, Interest, Subscription};
use hotbed_registry::{Announcement, Id, announcement};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Deliveries that may wait for a node; one more, and it gets a gap in place of all its events.
const CAPACITY: usize = 32;
/// Nobody subscribes so often in a world that lasts.
const ATTEMPTS: u64 = 200_000;

/// What is on its way to a node.
#[derive(Debug)]
pub(crate) struct Mail {
    node: usize,
    /// How long an event is on its way at most when all is well.
    delay: Duration,
    weather: Arc<Weather>,
    trace: Arc<Trace>,
    census: Arc<Census>,
    dice: Mutex<Dice>,
    mailbox: Mutex<Mailbox>,
    rings: Notify,
}

#[derive(Debug, Default)]
struct Mailbox {
    /// Which subscription it is for; those before it have ended.
    subscription: u64,
    listens: bool,
    /// By time of arrival, then in the order they were sent.
    waiting: BTreeMap<(Instant, u64), Delivery>,
    last: Option<Instant>,
    sent: u64,
    /// Which ids the process heard were no longer what they were, and when last.
    invalidations: BTreeMap<Id, Instant>,
}

impl Mail {
    pub(crate) fn new(
        node: usize,
        delay: Duration,
        weather: &Arc<Weather>,
        trace: &Arc<Trace>,
        census: &Arc<Census>,
        dice: Mutex<Dice>,
    ) -> Self {
        Self {
            node,
            delay,
            weather: Arc::clone(weather),
            trace: Arc::clone(trace),
            census: Arc::clone(census),
            dice,
            mailbox: Mutex::default(),
            rings: Notify::new(),
        }
    }

    /// Which ids the process heard were no longer what they were, and when last.
    pub(crate) fn invalidations(&self) -> BTreeMap<Id, Instant> {
        self.mailbox().invalidations.clone()
    }

    /// The process has ended.
    pub(crate) fn forget(&self) {
        self.mailbox().invalidations.clear();
    }

    /// An event is published.
    pub(crate) fn send(&self, event: &Arc<Event>) {
        if !self.mailbox().listens {
            return;
        }
        let now = Instant::now();
        let usual = self.dice().time(self.delay);
        match self.weather.events() {
            Events::Well => self.put_in_order(now + usual, Delivery::Event(Arc::clone(event))),
            Events::Shuffled(most) => {
                let late = self.dice().time(most);
                self.put(now + late, Delivery::Event(Arc::clone(event)));
            }
            Events::Repeated => {
                let copies = self.dice().between(2, 3);
                for _ in 0..copies {
                    let late = self.dice().time(self.delay);
                    self.put(now + late, Delivery::Event(Arc::clone(event)));
                }
            }
            Events::Gappy if self.dice().percent(50) => {
                self.census.note("events lost");
                self.put_in_order(now + usual, Delivery::Gap);
            }
            Events::Swallowed if self.dice().percent(50) => {
                self.census.note("events lost");
                self.weather.set_deceived(true);
            }
            Events::Gappy | Events::Swallowed => {
                self.put_in_order(now + usual, Delivery::Event(Arc::clone(event)));
            }
            Events::Down | Events::Refused | Events::Unanswered | Events::Ending => {
                self.census.note("events lost");
            }
        }
    }

    /// The weather changed: begins or ends what the node is told of.
    pub(crate) fn turn(&self, events: Events) {
        let before = self.weather.events();
        self.weather.set_events(events);
        self.trace.note(("events", self.node, events));
        if events == Events::Down {
            self.drop_all();
            self.put(Instant::now(), Delivery::Lost("it is down".into()));
        } else if events.cuts() {
            self.drop_all();
            let mut mailbox = self.mailbox();
            mailbox.subscription += 1;
            mailbox.listens = false;
        } else if before == Events::Down {
            self.gap();
        }
        self.rings.notify_one();
    }

    /// What is on its way is lost, and a gap says so.
    pub(crate) fn restart(&self) {
        self.drop_all();
        self.gap();
    }

    /// Events may have been missed.
    pub(crate) fn gap(&self) {
        self.put_in_order(Instant::now(), Delivery::Gap);
    }

    fn drop_all(&self) {
        self.mailbox().waiting.clear();
    }

    fn put_in_order(&self, at: Instant, delivery: Delivery) {
        let last = self.mailbox().last;
        let at = last.map_or(at, |last| last.max(at));
        self.mailbox().last = Some(at);
        self.put(at, delivery);
    }

    fn put(&self, at: Instant, delivery: Delivery) {
        let mut mailbox = self.mailbox();
        mailbox.sent += 1;
        let sent = mailbox.sent;
        if mailbox.waiting.len() >= CAPACITY {
            self.census.note("overflows");
            mailbox.waiting.clear();
            mailbox
                .waiting
                .insert((Instant::now(), sent), Delivery::Gap);
        } else {
            mailbox.waiting.insert((at, sent), delivery);
        }
        drop(mailbox);
        self.rings.notify_one();
    }

    /// The next that is there for a subscription; `None` once that has ended.
    async fn next(&self, subscription: u64) -> Option<Delivery> {
        loop {
            let arrives = {
                let mut mailbox = self.mailbox();
                if mailbox.subscription != subscription {
                    return None;
                }
                let arrives = mailbox.waiting.first_key_value().map(|((at, _), _)| *at);
                if arrives.is_some_and(|at| at <= Instant::now()) {
                    return mailbox.waiting.pop_first().map(|(_, delivery)| delivery);
                }
                arrives
            };
            tokio::select! {
                biased;
                () = self.rings.notified() => {}
                () = async {
                    match arrives {
                        Some(at) => tokio::time::sleep_until(at).await,
                        None => std::future::pending().await,
                    }
                } => {}
            }
        }
    }

    fn hand_over(&self, delivery: &Delivery) {
        let what = match delivery {
            Delivery::Event(event) => match announcement(event) {
                Some(Announcement::Change(change)) => {
                    format!("{} at {}", change.id, change.revision)
                }
                Some(Announcement::Invalidation(id)) => {
                    let what = format!("{id} at last");
                    self.mailbox().invalidations.insert(id, Instant::now());
                    what
                }
                other => format!("{other:?}"),
            },
            Delivery::Gap => "gap".to_owned(),
            Delivery::Lost(_) => "lost".to_owned(),
        };
        self.census.note("deliveries");
        self.trace.note(("delivery", self.node, what));
    }

    fn dice(&self) -> MutexGuard<'_, Dice> {
        self.dice.lock().unwrap()
    }

    fn mailbox(&self) -> MutexGuard<'_, Mailbox> {
        self.mailbox.lock().unwrap()
    }
}

/// A node's own end of the bus.
#[derive(Debug)]
pub(crate) struct Post(pub(crate) Arc<Mail>);

#[async_trait]
impl EventBus for Post {
    async fn publish(&self, _: &[Event]) -> Result<(), Error> {
        unreachable!("no node of a simulation writes")
    }

    async fn subscribe(&self, _: &Interest) -> Result<Subscription, Error> {
        let mail = Arc::clone(&self.0);
        mail.census.note("subscribe");
        assert!(
            mail.census.of("subscribe") < ATTEMPTS,
            "subscribes in a spin: time stands still"
        );
        let events = mail.weather.events();
        mail.trace.note(("subscribe", mail.node, events));
        match events {
            Events::Unanswered => std::future::pending().await,
            Events::Refused | Events::Down => {
                return Err(Error::Unavailable {
                    operation: "subscribe",
                    source: "told to fail".into(),
                });
            }
            Events::Ending => return Ok(Subscription::new(stream::empty())),
            _ => {}
        }
        let subscription = {
            let mut mailbox = mail.mailbox();
            mailbox.subscription += 1;
            mailbox.listens = true;
            mailbox.waiting.clear();
            mailbox.subscription
        };
        Ok(Subscription::new(stream::unfold(
            mail,
            move |mail| async move {
                let delivery = mail.next(subscription).await?;
                mail.census.note("deliveries");
                mail.hand_over(&delivery);
                Some((delivery, mail))
            },
        )))
    }
}
