mod health;
mod join;
mod send;
mod standing;
mod streams;

use crate::agent::Agent;
use crate::agent_id::AgentId;
use crate::auth::NotAuthenticated;
use crate::deliverer::{Deliverer, Fact};
use crate::desk::ModDesk;
use crate::event::AgentEvent;
use crate::mailbox::{Drained, Room};
use crate::own_events::system_event;
use crate::parcel::Parcel;
use crate::roster::{Caller, Reached, Roster};
use crate::secret::Claimed;
use crate::settings::NetworkSettings;
use crate::wire::{PollAnswer, PollRequest, UnregisterRequest};
use hotbed_mods::{Emissions, ModHost};
use serde_json::{Map, json};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

pub(crate) use health::Reader;
pub use standing::Standing;
pub use streams::StreamError;

/// The most facts that wait for mods to be told of them.
const FACTS: usize = 1_024;

/// A network of agents: lets them join, talk to each other and to mods, and tells them what becomes of the mods.
///
/// # Guarantees
///
/// - Nobody acts as an agent who does not know its secret, and no secret comes out but once, to the agent it is for.
/// - An id that is in use is not given to anybody else before its agent leaves or is idle for too long. Whoever has it then
///   has nothing of what was its.
/// - All that waits is bounded. What is dropped for it is counted and told to whom it was for: agents, streams and mods.
/// - What was taken in is done to its end, also when the caller goes away.
/// - Nothing panics on what agents send.
///
/// Clones are handles to the same network. Methods need a tokio runtime; tests may pause its time.
#[derive(Clone)]
pub struct AgentNetwork {
    inside: Arc<Inside>,
}

pub(crate) struct Inside {
    pub(crate) settings: NetworkSettings,
    pub(crate) host: ModHost,
    pub(crate) desk: Arc<dyn ModDesk>,
    roster: Mutex<Roster>,
    facts: mpsc::Sender<Fact>,
    /// Events on their way. Of each agent there are no more than are remembered of it.
    jobs: TaskTracker,
    lost_facts: AtomicU64,
    started: Instant,
}

impl AgentNetwork {
    /// A network without agents, and what must [`run`](Deliverer::run) for it. What the mods of the host tell comes to its
    /// agents; what they ask to be done with mods goes to the desk.
    pub fn new(
        settings: NetworkSettings,
        host: ModHost,
        emissions: Emissions,
        desk: Arc<dyn ModDesk>,
    ) -> (Self, Deliverer) {
        let (facts, told) = mpsc::channel(FACTS);
        let notices = host.notices();
        let network = Self {
            inside: Arc::new(Inside {
                settings: settings.bounded(),
                host,
                desk,
                roster: Mutex::default(),
                facts,
                jobs: TaskTracker::new(),
                lost_facts: AtomicU64::new(0),
                started: Instant::now(),
            }),
        };
        let deliverer = Deliverer::new(network.clone(), emissions, notices, told);
        (network, deliverer)
    }

    /// Lets an agent leave: `POST /api/unregister`.
    pub fn unregister(&self, request: &UnregisterRequest) -> Result<(), NotAuthenticated> {
        let shown = request.secret.digest();
        let left = self.with_roster(|roster, now| {
            let (caller, _) = roster.authenticate(&request.agent_id, &shown, now)?;
            Ok(self.remove(roster, &caller.id))
        })?;
        drop(left);
        Ok(())
    }

    /// Hands out what waits for an agent: `GET /api/poll`. It is handed out once; what is lost on the way is lost.
    pub fn poll(&self, request: &PollRequest) -> PollAnswer {
        let agent_id = request.agent_id.clone();
        match self.drain(&request.agent_id, &request.secret) {
            Ok(drained) => PollAnswer {
                success: true,
                dropped: drained.dropped,
                messages: self.with_gap(drained),
                agent_id,
                error_message: None,
            },
            Err(error) => PollAnswer {
                success: false,
                messages: Vec::new(),
                agent_id,
                dropped: 0,
                error_message: Some(error.to_string()),
            },
        }
    }

    /// Notes that an agent is there, for as long as it may be idle from now on.
    pub fn heartbeat(&self, agent_id: &str, secret: &Claimed) -> Result<(), NotAuthenticated> {
        self.authenticate(agent_id, secret).map(|_| ())
    }

    /// Lets go of agents that were idle for too long. Every other method does so first, so this only frees what they held.
    pub fn expire(&self) {
        self.with_roster(|_, _| ());
    }

    pub(crate) fn authenticate(
        &self,
        source: &str,
        secret: &Claimed,
    ) -> Result<Caller, NotAuthenticated> {
        let shown = secret.digest();
        self.with_roster(|roster, now| {
            let (caller, _) = roster.authenticate(source, &shown, now)?;
            Ok(caller)
        })
    }

    fn drain(&self, agent_id: &str, secret: &Claimed) -> Result<Drained, NotAuthenticated> {
        let shown = secret.digest();
        self.with_roster(|roster, now| {
            let (_, agent) = roster.authenticate(agent_id, &shown, now)?;
            Ok(agent.mailbox.drain())
        })
    }

    /// The events that waited; before them one that says how many are missing, for clients that look at events only.
    pub(crate) fn with_gap(&self, drained: Drained) -> Vec<Arc<AgentEvent>> {
        let Drained {
            mut events,
            dropped,
        } = drained;
        if dropped > 0 {
            let mut payload = Map::new();
            payload.insert("dropped".to_owned(), json!(dropped));
            payload.insert("limit".to_owned(), json!(self.settings().queue_events));
            let told = system_event("system.notification.events_dropped", payload);
            events.insert(0, Arc::new(told));
        }
        events
    }

    /// Takes an agent out, and tells the mods. What it had is to be dropped when the roster is free again.
    pub(crate) fn remove(&self, roster: &mut Roster, id: &AgentId) -> Option<Agent> {
        let left = roster.remove(id.as_str())?;
        self.tell_mods(Fact::Left { id: id.clone() });
        Some(left)
    }

    /// Shows an event to those who look on, and puts it where it waits for those who are meant.
    pub(crate) fn give_out(&self, parcel: &Parcel, except: Option<&str>) -> Reached {
        self.with_roster(|roster, _| {
            roster.show(parcel);
            roster.deliver(parcel, except, self.room())
        })
    }

    /// Does something with the roster of this moment, in which nobody is who should be gone.
    pub(crate) fn with_roster<T>(&self, work: impl FnOnce(&mut Roster, Instant) -> T) -> T {
        let roster = self.inside.roster.lock();
        // No panic leaves it halfway: what is done to it under the lock calls nothing that panics.
        let mut roster = roster.unwrap_or_else(PoisonError::into_inner);
        // Whoever waited for the lock must not come back with a time that is older than what was done meanwhile.
        let now = Instant::now();
        let gone = roster.expire(now, self.settings().idle_after);
        for (id, _) in &gone {
            self.tell_mods(Fact::Left { id: id.clone() });
        }
        let done = work(&mut roster, now);
        drop(roster);
        for (id, _) in gone {
            tracing::info!(%id, "agent was idle for too long and is gone");
        }
        done
    }

    /// Notes a fact for the mods; if too many wait, counts it, and the mods are told how many they were not told.
    pub(crate) fn tell_mods(&self, fact: Fact) {
        if self.inside.facts.try_send(fact).is_err() {
            self.inside.lost_facts.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many facts the mods were not told so far.
    pub(crate) fn lost_facts(&self) -> u64 {
        self.inside.lost_facts.load(Ordering::Relaxed)
    }

    /// Waits until no event is on its way.
    pub(crate) async fn idle(&self) {
        self.inside.jobs.close();
        self.inside.jobs.wait().await;
    }

    pub(crate) fn settings(&self) -> &NetworkSettings {
        &self.inside.settings
    }

    pub(crate) fn host(&self) -> &ModHost {
        &self.inside.host
    }

    pub(crate) fn desk(&self) -> &dyn ModDesk {
        &*self.inside.desk
    }

    fn room(&self) -> Room {
        Room {
            events: self.settings().queue_events,
            bytes: self.settings().queue_bytes,
        }
    }
}

impl fmt::Debug for AgentNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentNetwork")
            .field("network_id", &self.settings().network_id)
            .finish_non_exhaustive()
    }
}
