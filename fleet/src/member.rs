use crate::{Fleet, NodeReport, Roster, decode, encode};
use hotbed_events::{Delivery, Event, EventBus, EventKind, Interest, Subscription, Topic};
use hotbed_registry::Revision;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// On which topic nodes say how they are.
const TOPIC: &str = "fleet:nodes";
/// The name under which a report says whose it is.
const INCARNATION: &str = "incarnation";
/// How soon after a step forward a node says so.
const SOON: Duration = Duration::from_millis(100);
/// What each node of a fleet adds to the time between two reports of all others, so that what a node hears does not grow
/// with the square of their number.
const PER_NODE: Duration = Duration::from_millis(5);
/// How long one report may take to be told, by bus or by roster.
const DEADLINE: Duration = Duration::from_secs(2);

/// Says what a report says, as it is now.
pub trait Describe: Send + Sync + 'static {
    /// This node's report. [`beat`](NodeReport::beat) and [`next_within`](NodeReport::next_within) are filled in by the
    /// [`Member`].
    fn describe(&self) -> NodeReport;
}

/// How often a node reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// On the bus, if nothing happens. Longer in a large fleet. Default 2 s.
    pub beat: Duration,
    /// In the roster. Default 10 s.
    pub roster: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            beat: Duration::from_secs(2),
            roster: Duration::from_secs(10),
        }
    }
}

/// Reports for one node, and listens to the others.
pub struct Member {
    fleet: Fleet,
    bus: Arc<dyn EventBus>,
    roster: Option<Arc<dyn Roster>>,
    describe: Arc<dyn Describe>,
    steps: watch::Receiver<Revision>,
    pace: Pace,
    beat: u64,
    /// Who was in the roster when it was read last.
    enlisted: HashSet<Uuid>,
}

impl Member {
    /// A member that reports what `describe` says: now and then, and soon after each of the `steps` that its node makes.
    /// Does nothing until it [runs](Self::run).
    pub fn new(
        bus: Arc<dyn EventBus>,
        roster: Option<Arc<dyn Roster>>,
        describe: Arc<dyn Describe>,
        steps: watch::Receiver<Revision>,
        pace: Pace,
    ) -> Self {
        Self {
            fleet: Fleet::new(describe.describe().incarnation),
            bus,
            roster,
            describe,
            steps,
            pace,
            beat: 0,
            enlisted: HashSet::new(),
        }
    }

    /// What this member knows.
    pub fn fleet(&self) -> Fleet {
        self.fleet.clone()
    }

    /// Runs until shut down, then takes its leave. A bus or roster that is down makes it try again, never end.
    pub async fn run(mut self, shutdown: CancellationToken) {
        tokio::select! {
            () = self.take_part() => {}
            () = shutdown.cancelled() => {}
        }
        self.take_leave().await;
    }

    async fn take_part(&mut self) {
        let interest = Interest::from(topic());
        let mut subscription: Option<Subscription> = None;
        let now = Instant::now();
        // When to report next, to enlist next, and to try to listen.
        let (mut report_at, mut enlist_at, mut listen_at) = (now, now, now);
        let mut reported = now;
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(report_at) => {
                    let settled = self.report().await;
                    reported = Instant::now();
                    // What is still being built is reported as soon as it may be ready.
                    let wait = if settled { self.beat_every() } else { self.spacing() };
                    report_at = reported + jittered(wait);
                }
                () = tokio::time::sleep_until(enlist_at), if self.roster.is_some() => {
                    self.enlist().await;
                    enlist_at = Instant::now() + jittered(self.pace.roster);
                }
                () = tokio::time::sleep_until(listen_at), if subscription.is_none() => {
                    let subscribing = self.bus.subscribe(&interest);
                    match tokio::time::timeout(DEADLINE, subscribing).await {
                        Ok(Ok(heard)) => {
                            subscription = Some(heard);
                            // Whoever else listens hears of this one at once.
                            report_at = Instant::now();
                        }
                        Ok(Err(error)) => tracing::debug!(%error, "fleet is not heard"),
                        Err(_) => tracing::debug!("fleet is not heard: the bus does not answer"),
                    }
                    listen_at = Instant::now() + jittered(self.pace.beat);
                }
                heard = hear(&mut subscription) => match heard {
                    Some(Delivery::Event(event)) => self.hear(&event),
                    // Reports are repeated anyhow.
                    Some(_) => {}
                    None => subscription = None,
                },
                stepped = self.steps.changed() => match stepped {
                    Ok(()) => report_at = report_at.min((reported + self.spacing()).max(Instant::now() + SOON)),
                    // The loop is gone, and so is this node soon.
                    Err(_) => return std::future::pending().await,
                }
            }
        }
    }

    /// Reports on the bus. Answers whether nothing is under way that a next report would tell.
    async fn report(&mut self) -> bool {
        for incarnation in self.fleet.sweep() {
            if let Some(roster) = &self.roster
                && let Err(error) = roster.forget(incarnation).await
            {
                tracing::debug!(error = %error, "a dead node stays in the roster for now");
            }
        }
        let report = self.next_report();
        let settled = report
            .collections
            .values()
            .all(|progress| progress.applied >= progress.head);
        let event = self.event(EventKind::Updated, encode(&report));
        self.fleet.hear(report);
        self.publish(event).await;
        settled
    }

    /// Writes this node into the roster, and reads who else is in it.
    async fn enlist(&mut self) {
        let Some(roster) = self.roster.clone() else {
            return;
        };
        // Whoever reads no more than the roster waits for the next report there.
        let mut report = self.next_report();
        report.next_within = report.next_within.max(self.pace.roster);
        self.fleet.hear(report.clone());
        let exchange = async {
            roster.tell(&report).await?;
            roster.all().await
        };
        match tokio::time::timeout(DEADLINE, exchange).await {
            Ok(Ok(reports)) => {
                let enlisted: HashSet<Uuid> = reports.iter().map(|it| it.incarnation).collect();
                // Whoever is no longer in it took its leave, or is dead to somebody; if it lives, it says so.
                for gone in self.enlisted.difference(&enlisted) {
                    self.fleet.leave(*gone);
                }
                self.enlisted = enlisted;
                reports.into_iter().for_each(|it| self.fleet.hear(it));
            }
            Ok(Err(error)) => tracing::debug!(error = %error, "fleet's roster is not read"),
            Err(_) => tracing::debug!("fleet's roster is not read: it does not answer"),
        }
    }

    async fn take_leave(&mut self) {
        let incarnation = self.fleet.incarnation();
        let payload = [(INCARNATION.to_owned(), incarnation.to_string().into())];
        let event = self.event(EventKind::Deleted, payload.into_iter().collect());
        self.publish(event).await;
        if let Some(roster) = &self.roster {
            // It would be forgotten by the others, later.
            drop(tokio::time::timeout(DEADLINE, roster.forget(incarnation)).await);
        }
    }

    fn hear(&self, event: &Event) {
        match event.kind {
            EventKind::Deleted => {
                let incarnation = event.payload.get(INCARNATION).and_then(|it| it.as_str());
                if let Some(incarnation) = incarnation.and_then(|it| Uuid::parse_str(it).ok())
                    && incarnation != self.fleet.incarnation()
                {
                    self.fleet.leave(incarnation);
                }
            }
            _ => match decode(&event.payload) {
                Ok(report) => self.fleet.hear(report),
                Err(error) => tracing::debug!(%error, "a node is not understood"),
            },
        }
    }

    fn next_report(&mut self) -> NodeReport {
        self.beat += 1;
        NodeReport {
            beat: self.beat,
            next_within: self.beat_every(),
            ..self.describe.describe()
        }
    }

    async fn publish(&self, event: Event) {
        match tokio::time::timeout(DEADLINE, self.bus.publish(&[event])).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "fleet does not hear of this node"),
            Err(_) => tracing::debug!("fleet does not hear of this node: the bus does not answer"),
        }
    }

    fn event(&self, kind: EventKind, payload: serde_json::Map<String, serde_json::Value>) -> Event {
        Event::new(topic(), kind, payload).from_source("fleet")
    }

    /// The time between two reports when nothing happens.
    fn beat_every(&self) -> Duration {
        self.pace.beat.max(self.spacing() * 2)
    }

    /// The least time between two reports.
    fn spacing(&self) -> Duration {
        let nodes = u32::try_from(self.fleet.len()).unwrap_or(u32::MAX);
        SOON.max(PER_NODE.saturating_mul(nodes))
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member")
            .field("fleet", &self.fleet)
            .field("bus", &self.bus)
            .field("roster", &self.roster)
            .field("pace", &self.pace)
            .finish_non_exhaustive()
    }
}

fn topic() -> Topic {
    Topic::new(TOPIC).expect("it is one")
}

async fn hear(subscription: &mut Option<Subscription>) -> Option<Delivery> {
    match subscription {
        Some(subscription) => subscription.next().await,
        None => std::future::pending().await,
    }
}

/// Up to a fifth earlier, so that nodes do not report in step.
fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(1.0 - 0.2 * rand::random::<f64>())
}

#[cfg(test)]
mod tests;
