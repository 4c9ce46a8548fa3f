use super::end::End;
use super::said::{Resume, Said, Wish};
use super::told;
use futures::FutureExt;
use hotbed_agents::wire::{PollAnswer, PollRequest, RegisterAnswer};
use hotbed_agents::{AgentNetwork, Claimed, EventStream, StreamError, StreamItem};
use hotbed_mods::EventPattern;
use serde_json::json;
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use tokio_tungstenite::tungstenite::Message;

/// The event by which a poll tells that others are missing. Here a gap says so.
const DROPPED: &str = "system.notification.events_dropped";

/// An agent that is here, with what comes to it.
pub(super) struct Present {
    pub(super) who: PollRequest,
    /// What came before the connection did.
    pub(super) waited: VecDeque<StreamItem>,
    pub(super) events: EventStream,
}

/// Does what a connection begins with: the answer to it, and the agent or why there is none.
pub(super) fn join(agents: &AgentNetwork, first: &str) -> (Message, Result<Present, End>) {
    let said = Said::read(first, &Claimed::nothing());
    let id = said.request_id.as_ref();
    let refused = |why: &str, end| (told::error(id, why), Err(end));
    match said.wish {
        Err(why) => refused(&why, End::NotJoined),
        Ok(Wish::Register(asked)) => {
            let agent_id = asked.agent_id.clone();
            let registered = agents.register(asked);
            let secret = registered.as_ref().map(|it| Claimed::from(&it.secret)).ok();
            let answer = told::response(id, &RegisterAnswer::from(registered));
            let Some(secret) = secret else {
                return (answer, Err(End::NotJoined));
            };
            match present(agents, agent_id, secret) {
                Ok(present) => (answer, Ok(present)),
                Err(error) => refused(&error.to_string(), end_of(error)),
            }
        }
        Ok(Wish::Resume(Resume { agent_id, secret })) => {
            let answer = json!({"success": true, "agent_id": agent_id});
            match present(agents, agent_id, Claimed::new(Some(secret))) {
                Ok(present) => (told::response(id, &answer), Ok(present)),
                Err(error) => refused(&error.to_string(), end_of(error)),
            }
        }
        Ok(_) => refused("register or resume first", End::NotJoined),
    }
}

fn end_of(error: StreamError) -> End {
    match error {
        StreamError::TooMany { .. } => End::TooMany,
        _ => End::NotJoined,
    }
}

/// Follows what comes to an agent, and takes what waits for it.
fn present(
    agents: &AgentNetwork,
    agent_id: String,
    secret: Claimed,
) -> Result<Present, StreamError> {
    let all = EventPattern::new("*").expect("it is a pattern");
    let mut events = agents.subscribe(&agent_id, &secret, all)?;
    let who = PollRequest { agent_id, secret };
    let waited = gathered(agents.poll(&who), &mut events);
    Ok(Present {
        who,
        waited,
        events,
    })
}

/// What waited for an agent, and what came since its stream began. What came in between is in both, and told once.
fn gathered(polled: PollAnswer, events: &mut EventStream) -> VecDeque<StreamItem> {
    let taken: HashSet<_> = polled.messages.iter().map(Arc::as_ptr).collect();
    let mut since = Vec::new();
    while let Some(Some(item)) = events.next().now_or_never() {
        let is_taken = matches!(&item, StreamItem::Event(it) if taken.contains(&Arc::as_ptr(it)));
        if !is_taken {
            since.push(item);
        }
    }
    let missed = polled.dropped;
    let gap = (missed > 0).then_some(StreamItem::Gap { missed });
    let waited = polled.messages.into_iter();
    let waited = waited.filter(|event| event.event_name.as_str() != DROPPED);
    let waited = waited.map(StreamItem::Event);
    gap.into_iter().chain(waited).chain(since).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hotbed_agents::wire::{EventRequest, RegisterRequest};
    use hotbed_agents::{MemoryDesk, NetworkSettings};
    use hotbed_mods::{Destination, EventName, ModHost};
    use serde_json::Map;

    struct World {
        network: AgentNetwork,
        who: PollRequest,
    }

    impl World {
        fn new() -> Self {
            let (host, emissions) = ModHost::builder().build();
            let desk = Arc::new(MemoryDesk::new(host.clone()));
            let settings = NetworkSettings {
                queue_events: 2,
                ..NetworkSettings::default()
            };
            let (network, _) = AgentNetwork::new(settings, host, emissions, desk);
            let agent_id = "alice".to_owned();
            let registered = network.register(RegisterRequest::new(&agent_id)).unwrap();
            let secret = Claimed::from(&registered.secret);
            let who = PollRequest { agent_id, secret };
            Self { network, who }
        }

        async fn send(&self, id: &str) {
            let name = EventName::new("chat.said").unwrap();
            let secret = self.who.secret.clone();
            let mut event = EventRequest::new(name, "alice", secret, Map::new());
            event.event_id = id.into();
            event.destination = Destination::Agent("alice".into());
            assert!(self.network.send_event(event).await.success);
        }

        fn follow(&self) -> EventStream {
            let all = EventPattern::new("*").unwrap();
            let who = &self.who;
            self.network
                .subscribe(&who.agent_id, &who.secret, all)
                .unwrap()
        }
    }

    fn ids(items: &VecDeque<StreamItem>) -> Vec<String> {
        let shown = items.iter().map(|item| match item {
            StreamItem::Event(event) => event.event_id.to_string(),
            StreamItem::Gap { missed } => format!("{missed} missing"),
        });
        shown.collect()
    }

    /// Caught: to tell what is in both twice, or what is in the stream only not at all.
    #[tokio::test]
    async fn what_came_between_the_stream_and_the_poll_is_told_once() {
        let world = World::new();
        world.send("before").await;
        let mut events = world.follow();
        world.send("between").await;
        let polled = world.network.poll(&world.who);
        world.send("after").await;
        let gathered = gathered(polled, &mut events);
        assert_eq!(ids(&gathered), ["before", "between", "after"]);
    }

    /// Caught: to tell of what was dropped by the event that polls tell it by, or not at all.
    #[tokio::test]
    async fn what_found_no_room_while_nobody_was_there_is_a_gap() {
        let world = World::new();
        for id in ["e1", "e2", "e3", "e4"] {
            world.send(id).await;
        }
        let mut events = world.follow();
        let gathered = gathered(world.network.poll(&world.who), &mut events);
        assert_eq!(ids(&gathered), ["2 missing", "e3", "e4"]);
    }
}
