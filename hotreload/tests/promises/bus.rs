//! A memory bus as one node hears it: by a rule it refuses, loses, repeats, delays and so reorders.

use async_trait::async_trait;
use futures::stream;
use hotbed_events::{Delivery, Error, Event, EventBus, Interest, MemoryBus, Subscription};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::time::Instant;

/// How an attempt to subscribe goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Reception {
    Welcome,
    Refused,
    /// Welcome, and nothing but the first gap is ever heard.
    EndsAtOnce,
    Hang,
}

/// By what a bus goes.
pub(crate) trait Rule: Send + 'static {
    fn reception(&mut self) -> Reception;

    /// After how long each copy of an event arrives.
    fn copies(&mut self) -> Vec<Duration>;

    /// Whether what this node has to say is lost.
    fn loses_publication(&mut self) -> bool;
}

/// Every attempt to subscribe goes like this, and what arrives arrives once and at once.
impl Rule for Reception {
    fn reception(&mut self) -> Reception {
        *self
    }

    fn copies(&mut self) -> Vec<Duration> {
        vec![Duration::ZERO]
    }

    fn loses_publication(&mut self) -> bool {
        false
    }
}

/// What happens to all that listen.
#[derive(Debug, Clone, Copy)]
enum Signal {
    Gap,
    End,
}

pub(crate) struct FaultyBus {
    inner: MemoryBus,
    rule: Arc<Mutex<Box<dyn Rule>>>,
    signals: broadcast::Sender<Signal>,
    attempts: AtomicUsize,
}

impl FaultyBus {
    /// What a node hears of `inner`; as well as can be unless told otherwise.
    pub(crate) fn new(inner: MemoryBus) -> Arc<Self> {
        Arc::new(Self {
            inner,
            rule: Arc::new(Mutex::new(Box::new(Reception::Welcome))),
            signals: broadcast::Sender::new(16),
            attempts: AtomicUsize::new(0),
        })
    }

    pub(crate) fn rule(&self, rule: impl Rule) {
        *self.rule.lock().unwrap() = Box::new(rule);
    }

    /// Attempts to subscribe so far.
    pub(crate) fn attempts(&self) -> usize {
        self.attempts.load(SeqCst)
    }

    pub(crate) fn is_heard(&self) -> bool {
        self.signals.receiver_count() > 0
    }

    /// Ends every subscription.
    pub(crate) fn cut(&self) {
        drop(self.signals.send(Signal::End));
    }

    /// Tells all that listen that they may have missed something.
    pub(crate) fn gap(&self) {
        drop(self.signals.send(Signal::Gap));
    }
}

impl fmt::Debug for FaultyBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyBus").finish_non_exhaustive()
    }
}

#[async_trait]
impl EventBus for FaultyBus {
    async fn publish(&self, events: &[Event]) -> Result<(), Error> {
        if self.rule.lock().unwrap().loses_publication() {
            return Err(Error::Unavailable {
                operation: "publish",
                source: "told to fail".into(),
            });
        }
        self.inner.publish(events).await
    }

    async fn subscribe(&self, interest: &Interest) -> Result<Subscription, Error> {
        let attempts = self.attempts.fetch_add(1, SeqCst);
        assert!(attempts < 1_000, "subscribes in a spin: time stands still");
        let reception = self.rule.lock().unwrap().reception();
        match reception {
            Reception::Welcome => {}
            Reception::Refused => {
                return Err(Error::Unavailable {
                    operation: "subscribe",
                    source: "told to fail".into(),
                });
            }
            Reception::EndsAtOnce => return Ok(Subscription::new(stream::empty())),
            Reception::Hang => return std::future::pending().await,
        }
        let line = Line {
            events: self.inner.subscribe(interest).await?,
            signals: self.signals.subscribe(),
            rule: Arc::clone(&self.rule),
            on_the_way: BTreeMap::new(),
            copies: 0,
        };
        Ok(Subscription::new(stream::unfold(line, Line::next)))
    }
}

struct Line {
    events: Subscription,
    signals: broadcast::Receiver<Signal>,
    rule: Arc<Mutex<Box<dyn Rule>>>,
    /// By time of arrival, then in order of departure.
    on_the_way: BTreeMap<(Instant, usize), Arc<Event>>,
    copies: usize,
}

impl Line {
    async fn next(mut self) -> Option<(Delivery, Self)> {
        loop {
            let arrives = self.on_the_way.first_key_value().map(|((at, _), _)| *at);
            if arrives.is_some_and(|at| at <= Instant::now())
                && let Some((_, event)) = self.on_the_way.pop_first()
            {
                return Some((Delivery::Event(event), self));
            }
            tokio::select! {
                signal = self.signals.recv() => match signal {
                    Ok(Signal::Gap) => return Some((Delivery::Gap, self)),
                    Ok(Signal::End) | Err(_) => return None,
                },
                delivery = self.events.next() => match delivery? {
                    heard @ (Delivery::Gap | Delivery::Lost(_)) => return Some((heard, self)),
                    Delivery::Event(event) => {
                        let delays = self.rule.lock().unwrap().copies();
                        for delay in delays {
                            self.copies += 1;
                            let key = (Instant::now() + delay, self.copies);
                            self.on_the_way.insert(key, Arc::clone(&event));
                        }
                    }
                },
                () = async {
                    match arrives {
                        Some(at) => tokio::time::sleep_until(at).await,
                        None => std::future::pending().await,
                    }
                } => {}
            }
        }
    }
}
