//! No secret comes out but once, to the agent it is for.

use crate::world::{Agent, World, settings, uuid};
use hotbed_agents::wire::EventRequest;
use hotbed_agents::{EventStream, StreamItem};
use hotbed_mods::EventPattern;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

/// What an agent does with a secret that it knows: its own.
#[derive(Debug, Clone)]
struct Act {
    by: usize,
    name: usize,
    to: usize,
    field: usize,
    shape: usize,
    renew: bool,
}

const NAMES: [&str; 15] = [
    "chat.said",
    "echo.ask",
    "echo.tell",
    "echo.fail",
    "watched.event",
    "system.list_agents",
    "system.list_channels",
    "system.get_channel_members",
    "system.add_channel_member",
    "system.subscribe_events",
    "system.health_check",
    "system.get_network_info",
    "system.poll_messages",
    "system.heartbeat",
    "system.no_such_thing",
];
const TO: [&str; 6] = [
    "all",
    "agent_0",
    "channel:ops",
    "group:guest",
    "mod:echo",
    "",
];
const FIELDS: [&str; 12] = [
    "none",
    "payload",
    "metadata",
    "event_id",
    "thread_name",
    "response_to",
    "relevant_mod",
    "text_representation",
    "target_agent_id",
    "allowed_agents",
    "source_id",
    "event_name",
];

fn act() -> impl Strategy<Value = Act> {
    (
        0..3_usize,
        0..NAMES.len(),
        0..TO.len(),
        0..FIELDS.len(),
        0..4_usize,
        prop::bool::weighted(0.1),
    )
        .prop_map(|(by, name, to, field, shape, renew)| Act {
            by,
            name,
            to,
            field,
            shape,
            renew,
        })
}

fn body(act: &Act, agent: &Agent) -> Value {
    let secret = &agent.secret;
    let mut body = json!({
        "event_id": uuid(),
        "event_name": NAMES[act.name],
        "source_id": agent.id,
        "target_agent_id": TO[act.to],
        "payload": {"channel_id": "ops", "event_patterns": ["*"]},
        "secret": secret,
    });
    let hidden = match act.shape {
        0 => json!(secret),
        1 => json!(format!("<{secret}>\n\"")),
        2 => json!([{"a": secret}]),
        _ => json!({secret.clone(): true}),
    };
    match FIELDS[act.field] {
        "none" => {}
        "payload" => {
            for key in ["text", "channel_id", "request_id", "timestamp", "to"] {
                body["payload"][key] = hidden.clone();
            }
        }
        "metadata" => body["metadata"] = json!({"x": hidden}),
        "allowed_agents" => body["allowed_agents"] = json!([secret]),
        "source_id" => body["source_id"] = json!(format!("{}{secret}", agent.id)),
        field => body[field] = json!(format!("x{secret}")),
    }
    body
}

/// What was written to the log.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl Logged {
    fn take(&self) -> String {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap());
        String::from_utf8(bytes).unwrap()
    }
}

impl Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// All that comes out of a stream now.
async fn drained(stream: &mut EventStream) -> String {
    let mut all = String::new();
    loop {
        tokio::select! {
            biased;
            item = stream.next() => match item {
                Some(StreamItem::Event(event)) => all += &json!(*event).to_string(),
                Some(StreamItem::Gap { .. }) => {}
                None => return all,
            },
            () = std::future::ready(()) => return all,
        }
    }
}

async fn play(acts: Vec<Act>, logged: &Logged) -> Result<(), TestCaseError> {
    let world = World::with(settings());
    let root = world.admin();
    world.load(&root, "test.mods.echo").await;
    let mut agents: Vec<Agent> = (0..3).map(|n| world.join(&format!("agent_{n}"))).collect();
    let mut secrets: Vec<(String, String)> = vec![(root.id.clone(), root.secret.clone())];
    for agent in &agents {
        secrets.push((agent.id.clone(), agent.secret.clone()));
    }
    let written = logged.take();
    assert!(written.contains("mod is in service"), "{written}");
    let mut observer = world
        .network
        .observe(EventPattern::new("*").unwrap())
        .unwrap();
    for act in acts {
        let agent = &mut agents[act.by];
        if act.renew {
            let renewed = world.join_with(&json!({"agent_id": agent.id, "secret": agent.secret}));
            secrets.push((agent.id.clone(), renewed.secret.clone()));
            *agent = renewed;
        }
        let agent = &agents[act.by];
        let body = body(&act, agent);
        let debug = EventRequest::parse(body.to_string().as_bytes())
            .map(|request| format!("{request:?}"))
            .unwrap_or_default();
        let mut stream = world.stream(agent, "*");
        let answer = world.post(&body).await.to_string();
        let mut outputs = vec![
            (agent.id.clone(), answer),
            ("an observer".to_owned(), drained(&mut observer).await),
            (
                "whoever asks".to_owned(),
                world.network.health().to_string(),
            ),
            (
                "a log".to_owned(),
                format!("{:?} {observer:?}", world.network),
            ),
            (agent.id.clone(), drained(&mut stream).await),
        ];
        outputs.push(("a log".to_owned(), debug));
        outputs.push(("a log".to_owned(), logged.take()));
        for reader in &agents {
            let polled = world.poll_body(&reader.id, &reader.secret);
            outputs.push((reader.id.clone(), polled.to_string()));
        }
        for (reader, output) in outputs {
            for (owner, secret) in &secrets {
                prop_assert!(
                    *owner == reader || !output.contains(&**secret),
                    "{reader} reads the secret of {owner} after {body}: {output}"
                );
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Caught: the secret of whoever asks written to the log; a `Debug` of events that shows the id that its sender made
    /// of its secret.
    #[test]
    fn nobody_reads_the_secret_of_another(acts in prop::collection::vec(act(), 1..16)) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let logged = Logged::default();
        let writer = logged.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || runtime.block_on(play(acts, &logged)))?;
    }
}
