use super::transport::{BoxError, Connection, Heard, Transport};
use hotbed_events::{Error, Hub, Interest, Subscription};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// How long a subscriber waits until the server hears for it: less than its own patience, so that it is told why not.
const PATIENCE: Duration = Duration::from_secs(4);
/// How long the server may take to change what it hears for us.
const LISTENING: Duration = Duration::from_secs(5);
/// The first wait after a connection was lost or could not be made; doubles up to the longest.
const RETRY: Duration = Duration::from_millis(100);
/// The longest wait between two attempts to connect.
const MAX_RETRY: Duration = Duration::from_secs(2);

/// The one connection of a process that listens, shared by all its subscriptions.
///
/// It is made when somebody subscribes, listens to what the living subscriptions are interested in, and is made anew
/// whenever it is lost. Each subscription is told of the loss and, once the server hears for it again, of the gap.
#[derive(Debug)]
pub(crate) struct Line {
    transport: Arc<dyn Transport>,
    hub: Hub,
    wanted: watch::Sender<Wanted>,
    state: watch::Receiver<State>,
    _task_ends: DropGuard,
}

/// What subscriptions want to hear.
#[derive(Debug, Default, Clone)]
struct Wanted {
    /// How many subscriptions want a channel; none that nobody wants.
    channels: BTreeMap<String, usize>,
    /// Counts the changes.
    version: u64,
}

/// How far the connection follows.
#[derive(Debug, Clone)]
enum State {
    /// It listens to what was wanted at this version.
    Listens(u64),
    /// There is none, and why.
    Down(Arc<str>),
}

impl Line {
    /// A line that connects when it is needed.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub(crate) fn new(transport: Arc<dyn Transport>) -> Self {
        let hub = Hub::new();
        let (wanted, wants) = watch::channel(Wanted::default());
        let (tell, state) = watch::channel(State::Down("not connected yet".into()));
        let stop = CancellationToken::new();
        let task = keep(Arc::clone(&transport), hub.clone(), wants, tell);
        // Ends with the line: it holds nothing that outlives its connection.
        drop(TaskTracker::new().spawn(stop.clone().run_until_cancelled_owned(task)));
        Self {
            transport,
            hub,
            wanted,
            state,
            _task_ends: stop.drop_guard(),
        }
    }

    /// Listens from now on; returns once the server does so for us.
    pub(crate) async fn subscribe(&self, interest: &Interest) -> Result<Subscription, Error> {
        // First, so that nothing is missed that is heard from the moment on in which the server begins.
        let subscription = self.hub.subscribe(interest.clone());
        let channels = self.transport.channels(interest);
        if channels.is_empty() {
            // There is nothing to wait for, and nothing will come.
            return Ok(subscription);
        }
        let want = Want::new(&self.wanted, channels);
        let mut state = self.state.clone();
        let listens = state.wait_for(|state| match state {
            State::Listens(version) => *version >= want.version,
            State::Down(_) => false,
        });
        let outcome = match tokio::time::timeout(PATIENCE, listens).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err("the bus is closed".into()),
            Err(_) => Err(match &*self.state.borrow() {
                State::Down(reason) => Arc::clone(reason),
                State::Listens(_) => "the server does not answer in time".into(),
            }),
        };
        if let Err(reason) = outcome {
            return Err(Error::Unavailable {
                operation: "subscribe",
                source: BoxError::from(&*reason),
            });
        }
        Ok(subscription.keeping(want))
    }
}

/// A subscription's wish for channels, withdrawn when dropped.
struct Want {
    wanted: watch::Sender<Wanted>,
    channels: BTreeSet<String>,
    version: u64,
}

impl Want {
    fn new(wanted: &watch::Sender<Wanted>, channels: BTreeSet<String>) -> Self {
        let mut version = 0;
        wanted.send_modify(|all| {
            for channel in &channels {
                *all.channels.entry(channel.clone()).or_default() += 1;
            }
            all.version += 1;
            version = all.version;
        });
        Self {
            wanted: wanted.clone(),
            channels,
            version,
        }
    }
}

impl Drop for Want {
    fn drop(&mut self) {
        self.wanted.send_modify(|all| {
            for channel in &self.channels {
                if let Some(count) = all.channels.get_mut(channel) {
                    *count -= 1;
                    if *count == 0 {
                        all.channels.remove(channel);
                    }
                }
            }
            all.version += 1;
        });
    }
}

/// Keeps a connection for as long as anybody wants to hear something.
async fn keep(
    transport: Arc<dyn Transport>,
    hub: Hub,
    mut wants: watch::Receiver<Wanted>,
    tell: watch::Sender<State>,
) {
    let mut failures = 0_u32;
    let mut told = None;
    loop {
        if wants
            .wait_for(|all| !all.channels.is_empty())
            .await
            .is_err()
        {
            return;
        }
        let mut since = None;
        let ended = match transport.connect().await {
            Ok(connection) => listen(connection, &hub, &mut wants, &tell, &mut since).await,
            Err(error) => Err(error),
        };
        if since.is_some() {
            told = None;
        }
        // One that never lasts is as bad as none: the wait goes on growing, for each gap makes others read the truth.
        if since.is_some_and(|since| since.elapsed() > MAX_RETRY) {
            failures = 0;
        }
        let reason: Arc<str> = match ended {
            Ok(()) => {
                tell.send_replace(State::Down("nobody listens".into()));
                continue;
            }
            Err(error) => chain(&*error).into(),
        };
        failures = failures.saturating_add(1);
        if failures == 1 {
            tracing::warn!(bus = ?transport, %reason, "event bus is not heard");
        }
        tell.send_replace(State::Down(Arc::clone(&reason)));
        // Once for each reason, not for each attempt.
        if told.as_ref() != Some(&reason) {
            hub.lost(Arc::clone(&reason));
            told = Some(reason);
        }
        tokio::time::sleep(wait(failures)).await;
    }
}

/// Hears what comes until the connection is lost, which is an error, or nobody wants to hear anything. Notes since when
/// the server hears for us.
async fn listen(
    mut connection: Box<dyn Connection>,
    hub: &Hub,
    wants: &mut watch::Receiver<Wanted>,
    tell: &watch::Sender<State>,
    since: &mut Option<Instant>,
) -> Result<(), BoxError> {
    loop {
        let wanted = wants.borrow_and_update().clone();
        if wanted.channels.is_empty() {
            return Ok(());
        }
        let channels = wanted.channels.into_keys().collect();
        let listening = tokio::time::timeout(LISTENING, connection.listen(&channels)).await;
        listening.map_err(|_| "the server does not answer in time")??;
        if since.is_none() {
            *since = Some(Instant::now());
            hub.gap();
        }
        tell.send_replace(State::Listens(wanted.version));
        loop {
            tokio::select! {
                changed = wants.changed() => {
                    changed?;
                    break;
                }
                heard = connection.next() => match heard? {
                    Heard::Event(event) => hub.tell(Arc::new(*event)),
                    Heard::Gap => hub.gap(),
                },
            }
        }
    }
}

/// The wait after so many failures in a row, up to a quarter shorter, so that a fleet does not connect in step.
fn wait(failures: u32) -> Duration {
    let doubled = RETRY.saturating_mul(
        1_u32
            .checked_shl(failures.saturating_sub(1))
            .unwrap_or(u32::MAX),
    );
    doubled
        .min(MAX_RETRY)
        .mul_f64(1.0 - 0.25 * rand::random::<f64>())
}

/// An error with all its causes.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
mod tests;
