use crate::core::{Core, Step};
use crate::{Handle, ReloadMode, ReloadTarget};
use hotbed_events::{Delivery, EventBus, Subscription, Topic};
use hotbed_registry::{Reader, change_from_event};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The first wait after a failure; doubles up to the poll interval, so that a node is up to date within one interval
/// of a fault's end.
const RETRY: Duration = Duration::from_millis(100);
/// The longest wait after a failure where there is no poll interval.
const MAX_RETRY: Duration = Duration::from_secs(5);

/// The loop that keeps targets up to date with one collection.
pub struct HotReloadManager {
    mode: ReloadMode,
    core: Arc<Core>,
}

impl HotReloadManager {
    /// A loop that follows what `reader` reads and tells `targets`. Does nothing until it [runs](Self::run).
    pub fn new(reader: Reader, mode: ReloadMode, targets: Vec<Arc<dyn ReloadTarget>>) -> Self {
        let stale_after = mode.poll_interval().map(|every| every * 2);
        Self {
            core: Arc::new(Core::new(reader, targets, stale_after)),
            mode,
        }
    }

    /// A handle on this loop.
    pub fn handle(&self) -> Handle {
        Handle {
            core: Arc::clone(&self.core),
            mode: self.mode.as_str(),
        }
    }

    /// Runs until shut down. A registry or bus that is down makes it try again, never end.
    pub async fn run(self, shutdown: CancellationToken) {
        tokio::select! {
            () = self.follow() => {}
            () = shutdown.cancelled() => {}
        }
    }

    async fn follow(&self) {
        let mut ear = Ear::new(&self.mode);
        let mut failures = 0_u32;
        let mut due = Some(Instant::now());
        loop {
            tokio::select! {
                () = until(due) => match self.core.sync().await {
                    Ok(_) => {
                        failures = 0;
                        due = self.mode.poll_interval().map(|every| Instant::now() + jittered(every));
                    }
                    Err(error) => {
                        failures = failures.saturating_add(1);
                        tracing::warn!(%error, failures, "registry log is not read");
                        due = Some(Instant::now() + self.wait(failures));
                    }
                },
                heard = ear.hear() => {
                    let missed = match heard {
                        Heard::Event(event) => match change_from_event(&event) {
                            Some(change) => self.core.hear(&change).await == Step::Gap,
                            None => true,
                        },
                        Heard::Gap => true,
                    };
                    if missed {
                        self.core.doubt();
                        // After failures the back-off holds; without it a dead registry would be asked per event.
                        if failures == 0 {
                            due = Some(Instant::now());
                        }
                    }
                }
            }
        }
    }

    fn wait(&self, failures: u32) -> Duration {
        let cap = self.mode.poll_interval().unwrap_or(MAX_RETRY);
        backoff(failures, cap)
    }
}

impl fmt::Debug for HotReloadManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HotReloadManager")
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

/// The wait after so many failures in a row, at least one.
fn backoff(failures: u32, cap: Duration) -> Duration {
    let doubled = RETRY.saturating_mul(
        1_u32
            .checked_shl(failures.saturating_sub(1))
            .unwrap_or(u32::MAX),
    );
    jittered(doubled.min(cap))
}

/// Up to a tenth earlier, so that the nodes of a fleet do not ask in step.
fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(1.0 - 0.1 * rand::random::<f64>())
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

enum Heard {
    Event(Arc<hotbed_events::Event>),
    Gap,
}

/// Listens to the bus, for ever: subscribes again whenever the subscription ends.
struct Ear {
    source: Option<(Arc<dyn EventBus>, Topic)>,
    subscription: Option<Subscription>,
    failures: u32,
    /// When to try again after a failure. Kept here, for a dropped `hear` must not put it off.
    retry_at: Instant,
}

impl Ear {
    fn new(mode: &ReloadMode) -> Self {
        let source = mode
            .events()
            .map(|(bus, topic)| (Arc::clone(bus), topic.clone()));
        Self {
            source,
            subscription: None,
            failures: 0,
            retry_at: Instant::now(),
        }
    }

    /// Cancel-safe: what is lost with a dropped call is an attempt to subscribe, never an event.
    async fn hear(&mut self) -> Heard {
        let Some((bus, topic)) = &self.source else {
            return std::future::pending().await;
        };
        loop {
            if let Some(subscription) = &mut self.subscription {
                match subscription.next().await {
                    Some(Delivery::Event(event)) => return Heard::Event(event),
                    Some(Delivery::Gap) => return Heard::Gap,
                    None => {
                        self.subscription = None;
                        tracing::warn!(%topic, "subscription ended: subscribing again");
                        return Heard::Gap;
                    }
                }
            }
            tokio::time::sleep_until(self.retry_at).await;
            match bus.subscribe(topic).await {
                Ok(subscription) => {
                    self.failures = 0;
                    self.subscription = Some(subscription);
                }
                Err(error) => {
                    self.failures = self.failures.saturating_add(1);
                    self.retry_at = Instant::now() + backoff(self.failures, MAX_RETRY);
                    tracing::warn!(%topic, %error, "event bus is not heard");
                }
            }
        }
    }
}
