use crate::agent_id::AgentId;
use crate::event::{AgentEvent, SYSTEM, SourceType, Visibility};
use crate::network::AgentNetwork;
use crate::own_events::{is_ours, system_event};
use crate::parcel::Parcel;
use chrono::Utc;
use hotbed_mods::{Emission, Emissions, EventName, ModEvent, Notice};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Carries between mods and agents: what mods tell, what becomes of mods, and which agents come and go.
#[derive(Debug)]
pub struct Deliverer {
    network: AgentNetwork,
    emissions: Emissions,
    notices: broadcast::Receiver<Notice>,
    facts: mpsc::Receiver<Fact>,
}

/// What mods are told of agents.
#[derive(Debug)]
pub(crate) enum Fact {
    Joined {
        id: AgentId,
        metadata: Arc<Map<String, Value>>,
    },
    Left {
        id: AgentId,
    },
}

impl Deliverer {
    pub(crate) fn new(
        network: AgentNetwork,
        emissions: Emissions,
        notices: broadcast::Receiver<Notice>,
        facts: mpsc::Receiver<Fact>,
    ) -> Self {
        Self {
            network,
            emissions,
            notices,
            facts,
        }
    }

    /// Carries until shut down, and then waits for the events that are on their way. Without it agents hear of nothing but
    /// each other, and idle agents go only when somebody asks for something.
    pub async fn run(self, shutdown: CancellationToken) {
        let Self {
            network,
            emissions,
            notices,
            facts,
        } = self;
        let work = async {
            tokio::join!(
                carry_emissions(&network, emissions),
                carry_notices(&network, notices),
                carry_facts(&network, facts),
                let_go(&network),
            )
        };
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {}
            _ = work => {}
        }
        network.idle().await;
    }
}

async fn carry_emissions(network: &AgentNetwork, mut emissions: Emissions) {
    while let Some(emission) = emissions.next().await {
        if is_ours(&emission.event.name) {
            let (id, name) = (&emission.from, &emission.event.name);
            tracing::warn!(%id, %name, "mod tells an event that only the network tells: nobody gets it");
            continue;
        }
        let except = emission.except.clone();
        let parcel = Parcel::new(of_mod(emission));
        network.give_out(&parcel, except.as_deref());
    }
}

async fn carry_notices(network: &AgentNetwork, mut notices: broadcast::Receiver<Notice>) {
    loop {
        let event = match notices.recv().await {
            Ok(notice) => of_notice(&notice),
            Err(RecvError::Lagged(missed)) => {
                let mut payload = Map::new();
                payload.insert("missed".to_owned(), json!(missed));
                system_event("system.notification.mods_changed", payload)
            }
            Err(RecvError::Closed) => return,
        };
        network.give_out(&Parcel::new(event), None);
    }
}

async fn carry_facts(network: &AgentNetwork, mut facts: mpsc::Receiver<Fact>) {
    let mut told_of = 0;
    while let Some(fact) = facts.recv().await {
        let lost = network.lost_facts();
        if lost > told_of {
            let missed = lost - told_of;
            tracing::warn!(missed, "mods were not told of agents that came or went");
            let name = "system.notification.agents_changed";
            tell(network, name, json!({ "missed": missed })).await;
            told_of = lost;
        }
        let (name, payload) = match fact {
            Fact::Joined { id, metadata } => (
                "system.notification.register_agent",
                json!({"agent_id": id.as_str(), "metadata": *metadata}),
            ),
            Fact::Left { id } => (
                "system.notification.unregister_agent",
                json!({"agent_id": id.as_str()}),
            ),
        };
        tell(network, name, payload).await;
    }
}

/// Tells the mods.
async fn tell(network: &AgentNetwork, name: &'static str, payload: Value) {
    let event = system_event(name, object(payload));
    let told = ModEvent::new(event.event_name, SYSTEM, event.payload);
    // What mods answer to it nobody asked for, and what fails in them the host has noted.
    drop(network.host().dispatch(told).await);
}

/// Lets idle agents go when their time is over.
async fn let_go(network: &AgentNetwork) {
    loop {
        let idle_after = network.settings().idle_after;
        let next = network.with_roster(|roster, now| {
            // Whoever joins from now on expires later than that.
            let latest = now + idle_after;
            roster.next_expiry().map_or(latest, |next| next.min(latest))
        });
        // With no patience at all every agent is gone at once, and there is nothing to wait for.
        let next = next.max(Instant::now() + std::time::Duration::from_millis(10));
        tokio::time::sleep_until(next).await;
    }
}

fn of_mod(emission: Emission) -> AgentEvent {
    let Emission {
        from,
        generation,
        event,
        ..
    } = emission;
    let mut metadata = Map::new();
    metadata.insert("mod_id".to_owned(), json!(from.as_str()));
    metadata.insert("generation".to_owned(), json!(generation));
    let caused = event.correlation_id != event.id;
    AgentEvent {
        event_name: event.name,
        source_id: event.source,
        event_id: event.id,
        timestamp: Utc::now().timestamp(),
        source_type: SourceType::Mod,
        destination: event.destination,
        relevant_mod: None,
        requires_response: false,
        response_to: caused.then_some(event.correlation_id),
        thread_name: None,
        payload: event.payload,
        metadata,
        text_representation: None,
        visibility: Visibility::Network,
        allowed_agents: None,
        source_agent_group: None,
    }
}

/// What agents are told when a mod comes, goes, is renewed or fails. Why it failed is for those who may change mods: they
/// ask.
fn of_notice(notice: &Notice) -> AgentEvent {
    let payload = object(json!({
        "mod_id": notice.id.as_str(),
        "mod_path": notice.path.as_str(),
        "kind": "mod",
        "generation": notice.generation,
        "state": notice.state.as_str(),
    }));
    let name = EventName::new(notice.kind.event_name());
    let name = name.expect("it is written in the crate of mods, and a test reads all");
    AgentEvent::of_system(name, payload)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
