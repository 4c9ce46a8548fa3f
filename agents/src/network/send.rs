//! The way of an event: who sends it, the system, the mods, those who are meant.

use super::AgentNetwork;
use crate::auth::NotAuthenticated;
use crate::event::{AgentEvent, SourceType};
use crate::mod_list::{is_in_service, named};
use crate::own_events::{OF_MODS, OF_SYSTEM};
use crate::parcel::Parcel;
use crate::recent::{Begun, Outcome as Noted};
use crate::roster::{Caller, Reached};
use crate::size::event_bytes;
use crate::system;
use crate::wire::{EventRequest, EventResponse, Reply};
use chrono::Utc;
use hotbed_mods::{Destination, Dispatched, ModEvent, ModStatus, Outcome};
use serde_json::{Value, json};
use std::sync::Arc;

/// The longest id of an event in bytes: those of the last events of every agent are kept.
const MAX_ID_BYTES: usize = 256;

impl AgentNetwork {
    /// Takes an event in: `POST /api/send_event`. System events are done; others go to the mods, and if none answers, to
    /// those who are meant.
    ///
    /// An event that the same agent sent a short time ago is not done again, whatever it asks; but who registers is no agent
    /// yet. What was taken in is done to its end, also when the caller goes away.
    pub async fn send_event(&self, request: EventRequest) -> EventResponse {
        let (event_id, name) = (Arc::clone(&request.event_id), request.event_name.clone());
        let reply = if system::is_registration(&name) {
            system::register(self, request)
        } else {
            match self.authenticate(&request.source_id, &request.secret) {
                Ok(caller) => self.to_the_end(caller, request).await,
                Err(error) => Reply::refused(error.to_string()),
            }
        };
        reply.to(event_id, &name)
    }

    /// Does what an agent asks in a task of its own.
    async fn to_the_end(&self, caller: Caller, request: EventRequest) -> Reply {
        let network = self.clone();
        let job = async move {
            let done = network.take_in(caller, request).await;
            done.unwrap_or_else(|error| Reply::refused(error.to_string()))
        };
        let job = self.inside.jobs.spawn(job);
        job.await.unwrap_or_else(|error| {
            tracing::error!(%error, "an event was lost");
            Reply::refused("the event was lost: something went wrong inside")
        })
    }

    async fn take_in(
        &self,
        caller: Caller,
        request: EventRequest,
    ) -> Result<Reply, NotAuthenticated> {
        let secret = request.secret.clone();
        let event = sent(request, &caller);
        if let Some(reply) = self.unfit(&event, secret.expose().unwrap_or_default()) {
            return Ok(reply);
        }
        self.once(caller, event).await
    }

    /// Why an event goes no further, if it does not.
    fn unfit(&self, event: &AgentEvent, secret: &str) -> Option<Reply> {
        let name = event.event_name.as_str();
        if name.starts_with(OF_MODS) {
            let message = format!("Only the network tells '{name}': choose another name");
            return Some(Reply::refused(message));
        }
        if event.event_id.len() > MAX_ID_BYTES {
            let message = format!("event_id must be a text of at most {MAX_ID_BYTES} bytes");
            return Some(Reply::refused(message));
        }
        let limit = self.settings().max_event_bytes;
        let Ok(written) = serde_json::to_string(event) else {
            return Some(Reply::refused("the event has no JSON"));
        };
        let bytes = written.len();
        if bytes > limit {
            let message = format!("the event is too large: {bytes} bytes, and {limit} are allowed");
            return Some(Reply::refused(message));
        }
        let (bytes, limit) = (event_bytes(event), limit.max(self.settings().queue_bytes));
        if bytes > limit {
            let message = format!(
                "the event is too large: it takes {bytes} bytes of memory, and {limit} are allowed"
            );
            return Some(Reply::refused(message));
        }
        // A secret is letters and digits, so JSON writes it as it is.
        if written.contains(secret) {
            let message = "the event contains your secret beside the field that it belongs into, and others would read it";
            return Some(Reply::refused(message));
        }
        None
    }

    /// Does an event, unless it was done or is being done.
    async fn once(&self, caller: Caller, event: AgentEvent) -> Result<Reply, NotAuthenticated> {
        let event_id = Arc::clone(&event.event_id);
        let limit = self.settings().recent_events;
        let begun = self.with_roster(|roster, _| {
            let agent = roster.member(&caller)?;
            Ok(agent.recent.begin(&event_id, limit))
        })?;
        match begun {
            Begun::Now => {}
            Begun::Before(noted) => return Ok(again(&event_id, noted)),
            Begun::TooMany => {
                return Ok(Reply::refused(format!(
                    "{limit} events of this agent are being processed already: wait for one of them"
                )));
            }
        }
        let mut under_way = UnderWay {
            network: self,
            caller: &caller,
            event_id,
            outcome: Noted::Refused,
        };
        let reply = if event.event_name.as_str().starts_with(OF_SYSTEM) {
            system::run(self, caller.clone(), event).await
        } else {
            self.carry(&caller, event).await
        };
        if reply.success {
            under_way.outcome = Noted::Done;
        }
        Ok(reply)
    }

    async fn carry(&self, caller: &Caller, event: AgentEvent) -> Reply {
        let asked = for_mods(&event, caller);
        let parcel = Parcel::new(event);
        self.with_roster(|roster, _| roster.show(&parcel));
        let Dispatched {
            outcome, failures, ..
        } = self.host().dispatch(asked).await;
        match outcome {
            Outcome::Answered { response, .. } => {
                return Reply {
                    success: response.success,
                    message: response.message,
                    data: response.data,
                };
            }
            Outcome::NoSuchTarget { target } => {
                return Reply::refused(format!("Target mod {target} not found"));
            }
            _ => {}
        }
        let reached = self.with_roster(|roster, _| {
            roster.deliver(&parcel, Some(caller.id.as_str()), self.room())
        });
        let event = &*parcel.event;
        let name = &event.event_name;
        match reached {
            Reached::Agents(_) => {}
            Reached::Nowhere => {
                return Reply::refused(format!("{} not found", called(&event.destination)));
            }
            Reached::NotMeant => {
                if let Some(failure) = failures.first() {
                    // What is inside goes to the log of the host.
                    return Reply::refused(format!("mod '{}' failed", failure.id));
                }
                if !self.is_heard(event) {
                    return Reply::refused(format!("No mod handles event '{name}'"));
                }
            }
        }
        let message = format!("Event {name} delivered to destination");
        Reply::done(message, Value::Null)
    }

    /// Whether a mod in service was asked about an event that is for no agent.
    fn is_heard(&self, event: &AgentEvent) -> bool {
        let name = event.event_name.as_str();
        let hears = |status: &ModStatus| {
            let mut patterns = status.manifest.iter().flat_map(|manifest| &manifest.events);
            patterns.any(|pattern| pattern.matches(name))
        };
        let statuses = self.host().statuses();
        let mut in_service = statuses.iter().filter(|status| is_in_service(status));
        match &event.destination {
            Destination::Mod(target) => named(in_service, target).is_some_and(hears),
            _ => in_service.any(hears),
        }
    }
}

/// An event that is being done. However it ends, what became of it is noted then.
struct UnderWay<'a> {
    network: &'a AgentNetwork,
    caller: &'a Caller,
    event_id: Arc<str>,
    outcome: Noted,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.network.with_roster(|roster, _| {
            if let Ok(agent) = roster.member(self.caller) {
                agent.recent.end(&self.event_id, self.outcome);
            }
        });
    }
}

/// The event as it goes on: with the source and the time that are known here, and without the secret.
fn sent(request: EventRequest, caller: &Caller) -> AgentEvent {
    AgentEvent {
        event_name: request.event_name,
        source_id: caller.id.to_shared(),
        event_id: request.event_id,
        timestamp: Utc::now().timestamp(),
        source_type: SourceType::Agent,
        destination: request.destination,
        relevant_mod: request.relevant_mod,
        requires_response: request.requires_response,
        response_to: request.response_to,
        thread_name: request.thread_name,
        payload: request.payload,
        metadata: request.metadata,
        text_representation: request.text_representation,
        visibility: request.visibility,
        allowed_agents: request.allowed_agents,
        source_agent_group: Some(Arc::clone(&caller.group)),
    }
}

fn for_mods(event: &AgentEvent, caller: &Caller) -> ModEvent {
    let mut asked = ModEvent::new(
        event.event_name.clone(),
        caller.id.as_str(),
        event.payload.clone(),
    );
    asked.id = Arc::clone(&event.event_id);
    asked.correlation_id = Arc::clone(&event.event_id);
    asked
        .to(event.destination.clone())
        .from_group(&caller.group)
}

fn again(event_id: &str, noted: Noted) -> Reply {
    let data = json!({ "repeated": true });
    match noted {
        Noted::UnderWay => {
            Reply::refused_with(format!("Event {event_id} is being processed already"), data)
        }
        Noted::Done => Reply::done(format!("Event {event_id} was processed already"), data),
        Noted::Refused => {
            Reply::refused_with(format!("Event {event_id} was refused already"), data)
        }
    }
}

fn called(destination: &Destination) -> String {
    match destination {
        Destination::Agent(id) => format!("Agent '{id}'"),
        Destination::Channel(id) => format!("Channel '{id}'"),
        Destination::Group(id) => format!("Group '{id}'"),
        other => other.to_string(),
    }
}
