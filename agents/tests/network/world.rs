//! A network with mods, and agents that speak to it in JSON, as they do over HTTP.

use async_trait::async_trait;
use hotbed_agents::wire::{
    EventRequest, MalformedAnswer, PollRequest, RegisterAnswer, RegisterRequest, UnregisterAnswer,
    UnregisterRequest,
};
use hotbed_agents::{
    AgentNetwork, Claimed, EventStream, Group, MemoryDesk, ModDesk, NetworkSettings, StreamItem,
};
use hotbed_mods::{
    BoxError, BuiltIns, Context, Destination, EventName, EventPattern, Manifest, Mod, ModEvent,
    ModHost, Placement, Response,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub(crate) struct World {
    pub(crate) network: AgentNetwork,
    pub(crate) host: ModHost,
    pub(crate) seen: Seen,
    /// Lets `watched.slow` events through the mod `echo`, one for each permit.
    pub(crate) gate: Arc<Semaphore>,
    /// Ends the deliverer.
    pub(crate) shutdown: CancellationToken,
    pub(crate) deliverer: JoinSet<()>,
}

/// What the mod `echo` was asked about, in order.
pub(crate) type Seen = Arc<Mutex<Vec<ModEvent>>>;

/// An agent that joined.
#[derive(Clone)]
pub(crate) struct Agent {
    pub(crate) id: String,
    pub(crate) secret: String,
}

pub(crate) fn settings() -> NetworkSettings {
    let group = |description: &str, hash: &str| Group {
        description: description.to_owned(),
        password_hash: Some(hash.to_owned()),
        metadata: Map::new(),
    };
    NetworkSettings {
        network_id: "net-1".to_owned(),
        network_name: "Test Network".to_owned(),
        groups: BTreeMap::from([
            ("admin".to_owned(), group("Those who may", "aa11")),
            ("users".to_owned(), group("", "bb22")),
        ]),
        ..NetworkSettings::default()
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(settings())
    }

    pub(crate) fn with(settings: NetworkSettings) -> Self {
        Self::with_desk(settings, |host| Arc::new(MemoryDesk::new(host)))
    }

    pub(crate) fn with_desk(
        settings: NetworkSettings,
        desk: impl FnOnce(ModHost) -> Arc<dyn ModDesk>,
    ) -> Self {
        let seen = Seen::default();
        let gate = Arc::new(Semaphore::new(0));
        let loader = with_test_mods(BuiltIns::standard(), &seen, &gate);
        let (host, emissions) = ModHost::builder().loader(loader).build();
        let desk = desk(host.clone());
        let (network, deliverer) = AgentNetwork::new(settings, host.clone(), emissions, desk);
        let shutdown = CancellationToken::new();
        let mut running = JoinSet::new();
        running.spawn(deliverer.run(shutdown.clone()));
        Self {
            network,
            host,
            seen,
            gate,
            shutdown,
            deliverer: running,
        }
    }

    /// `POST /api/register`: the body of the answer, whatever its status.
    pub(crate) fn register(&self, body: &Value) -> Value {
        match RegisterRequest::parse(body.to_string().as_bytes()) {
            Ok(request) => json!(RegisterAnswer::from(self.network.register(request))),
            Err(malformed) => json!(MalformedAnswer::from(malformed)),
        }
    }

    pub(crate) fn join(&self, id: &str) -> Agent {
        self.join_with(&json!({"agent_id": id, "metadata": {}, "password_hash": ""}))
    }

    /// An agent that may change mods.
    pub(crate) fn admin(&self) -> Agent {
        self.join_with(&json!({"agent_id": "root", "password_hash": "aa11"}))
    }

    pub(crate) fn join_with(&self, body: &Value) -> Agent {
        let answer = self.register(body);
        assert_eq!(answer["success"], true, "{answer}");
        Agent {
            id: body["agent_id"].as_str().unwrap().to_owned(),
            secret: answer["secret"].as_str().unwrap().to_owned(),
        }
    }

    /// `POST /api/unregister`.
    pub(crate) fn unregister(&self, body: &Value) -> Value {
        match UnregisterRequest::parse(body.to_string().as_bytes()) {
            Ok(request) => json!(UnregisterAnswer::from(self.network.unregister(&request))),
            Err(malformed) => json!(MalformedAnswer::from(malformed)),
        }
    }

    /// `POST /api/send_event`: the body of the answer, whatever its status.
    pub(crate) async fn post(&self, body: &Value) -> Value {
        self.post_text(&body.to_string()).await
    }

    pub(crate) async fn post_text(&self, body: &str) -> Value {
        match EventRequest::parse(body.as_bytes()) {
            Ok(request) => json!(self.network.send_event(request).await),
            Err(malformed) => json!(MalformedAnswer::from(malformed)),
        }
    }

    /// An event as `AgentClient` sends it.
    pub(crate) async fn send(&self, by: &Agent, name: &str, to: &str, payload: Value) -> Value {
        self.post(&json!({
            "event_id": uuid(),
            "event_name": name,
            "source_id": by.id,
            "target_agent_id": to,
            "payload": payload,
            "metadata": {},
            "visibility": "network",
            "secret": by.secret,
        }))
        .await
    }

    /// A system event; the whole answer without the id.
    pub(crate) async fn ask(&self, by: &Agent, name: &str, payload: Value) -> Value {
        let mut answer = self.send(by, name, "system:system", payload).await;
        answer.as_object_mut().unwrap().remove("event_id");
        answer
    }

    /// Loads a mod.
    pub(crate) async fn load(&self, by: &Agent, path: &str) {
        let answer = self
            .ask(by, "system.mod.load", json!({"mod_path": path}))
            .await;
        assert_eq!(answer["success"], true, "{answer}");
    }

    /// `GET /api/poll`.
    pub(crate) fn poll_body(&self, agent_id: &str, secret: &str) -> Value {
        let request = PollRequest::new(Some(agent_id.to_owned()), Some(secret.to_owned()));
        json!(self.network.poll(&request.unwrap()))
    }

    /// The events that wait for an agent.
    pub(crate) fn poll(&self, agent: &Agent) -> Vec<Value> {
        let answer = self.poll_body(&agent.id, &agent.secret);
        assert_eq!(answer["success"], true, "{answer}");
        answer["messages"].as_array().unwrap().clone()
    }

    /// The names of the events that wait for an agent.
    pub(crate) fn poll_names(&self, agent: &Agent) -> Vec<String> {
        let events = self.poll(agent);
        let name = |event: &Value| event["event_name"].as_str().unwrap().to_owned();
        events.iter().map(name).collect()
    }

    pub(crate) fn stream(&self, agent: &Agent, pattern: &str) -> EventStream {
        let secret = Claimed::new(Some(agent.secret.clone()));
        let pattern = EventPattern::new(pattern).unwrap();
        self.network.subscribe(&agent.id, &secret, pattern).unwrap()
    }
}

/// The next event of a stream, under a deadline.
pub(crate) async fn next_event(stream: &mut EventStream) -> Value {
    let next = tokio::time::timeout(Duration::from_secs(30), stream.next());
    match next.await.expect("it comes in time") {
        Some(StreamItem::Event(event)) => json!(*event),
        other => panic!("no event but {other:?}"),
    }
}

/// Waits for what another task brings about.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(30), wait).await;
    assert!(waited.is_ok(), "never: {what}");
}

pub(crate) fn uuid() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("e{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A mod for tests. It answers `echo.ask`, fails at `echo.fail`, tells all at `echo.tell`, and looks at all else.
struct Echo {
    seen: Seen,
    gate: Arc<Semaphore>,
    context: OnceLock<Context>,
}

/// A mod that does not come up.
struct Broken;

#[async_trait]
impl Mod for Broken {
    async fn initialize(&self, _context: &Context) -> Result<bool, BoxError> {
        Err("the key 5ecre7 is wrong".into())
    }
}

/// The mods `echo` and `broken`, and `echo` under ids that begin the names of events that only the network tells.
fn with_test_mods(built_ins: BuiltIns, seen: &Seen, gate: &Arc<Semaphore>) -> BuiltIns {
    let broken = ["test.mods.broken"];
    let built_ins = built_ins.with(&broken, Manifest::default(), Placement::Tasks, || {
        Ok(Arc::new(Broken))
    });
    let patterns = ["echo.*", "system.notification.*", "watched.*"];
    let manifest = Manifest {
        name: "echo".to_owned(),
        version: "2.1.0".to_owned(),
        description: "Says it again".to_owned(),
        authors: vec!["A. Uthor".to_owned()],
        license: "MIT".to_owned(),
        capabilities: vec!["echo".to_owned()],
        events: patterns
            .iter()
            .map(|text| EventPattern::new(text).unwrap())
            .collect(),
        ..Manifest::default()
    };
    let (seen, gate) = (Arc::clone(seen), Arc::clone(gate));
    let paths = ["test.mods.echo", "test.mods.mod", "test.mods.system"];
    built_ins.with(&paths, manifest, Placement::Tasks, move || {
        Ok(Arc::new(Echo {
            seen: Arc::clone(&seen),
            gate: Arc::clone(&gate),
            context: OnceLock::new(),
        }))
    })
}

#[async_trait]
impl Mod for Echo {
    async fn initialize(&self, context: &Context) -> Result<bool, BoxError> {
        drop(self.context.set(context.clone()));
        Ok(true)
    }

    async fn handle(&self, event: &ModEvent) -> Result<Option<Response>, BoxError> {
        self.seen.lock().unwrap().push(event.clone());
        match event.name.as_str() {
            "echo.ask" => Ok(Some(Response::ok(
                "heard",
                json!({"by": &*event.source, "group": event.source_group.as_deref(), "payload": event.payload}),
            ))),
            "echo.no" => Ok(Some(Response::refused("will not"))),
            "echo.fail" => Err("it broke inside".into()),
            "echo.tell" => {
                let context = self.context.get().unwrap();
                let to = Destination::parse(event.text("to").unwrap_or("all"));
                let name = EventName::new(event.text("as").unwrap_or("echo.told"))?;
                context.emit(name, event.payload.clone(), to, Some(event))?;
                Ok(Some(Response::ok("told", Value::Null)))
            }
            "watched.slow" => {
                self.gate.acquire().await?.forget();
                Ok(None)
            }
            _ => Ok(None),
        }
    }
}
