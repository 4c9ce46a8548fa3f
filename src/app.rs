//! The composition root: which parts a server is made of, and in which order they start and stop.

use crate::config_dir::ConfigDir;
use crate::forget::ForgetDeleted;
use crate::serve_args::{self, Reload, ServeArgs};
use anyhow::{Context, bail};
use hotbed::cache::{CacheSettings, CachingRegistryManager};
use hotbed::configs::DomainBot;
use hotbed::events::{EventBus, MemoryBus};
use hotbed::hotreload::{HotReloadManager, ReloadMode, ReloadTarget};
use hotbed::registry::{
    Admission, CollectionName, ConnectingBackend, Draft, Error, Id, Precondition, Registry,
    RegistryBackend, Status,
};
use hotbed_api::Readiness;
use hotbed_backends::{DiskSnapshot, RegistryUrl, StoreAt};
use hotbed_bots::{BotFactory, ConversationLimits, Conversations, ProviderKeys};
use hotbed_server::{Access, Limits, NodeInfo, ServerState};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A server whose parts are all running, and which listens.
#[derive(Debug)]
pub(crate) struct App {
    listener: TcpListener,
    state: ServerState,
    store: Arc<StoreAt>,
    readiness: watch::Sender<Readiness>,
    background: Background,
    drain: Duration,
    /// What a start did, for the person who started it.
    pub(crate) account: Account,
}

/// The tasks of a server, stopped in this order.
#[derive(Debug, Default)]
struct Background {
    follow: Stage,
    upkeep: Stage,
}

/// Tasks that are stopped together.
#[derive(Debug, Default)]
struct Stage {
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Stage {
    async fn end(&self, deadline: Instant) -> anyhow::Result<()> {
        self.stop.cancel();
        self.tasks.close();
        let ended = tokio::time::timeout_at(deadline, self.tasks.wait()).await;
        ended.context("background tasks did not end in time")
    }
}

/// What a start did.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) address: std::net::SocketAddr,
    pub(crate) environment: String,
    pub(crate) registry: String,
    pub(crate) reload: String,
    pub(crate) domains: Option<Domains>,
    pub(crate) warnings: Vec<String>,
}

/// What became of the bots in domain files.
#[derive(Debug, Default)]
pub(crate) struct Domains {
    pub(crate) dir: PathBuf,
    pub(crate) registered: Vec<Id>,
    pub(crate) kept: Vec<Id>,
}

impl App {
    /// Puts a server together and starts its parts; it takes requests once it [runs](Self::run).
    pub(crate) async fn start(
        args: ServeArgs,
        process: &[(String, String)],
    ) -> anyhow::Result<Self> {
        let config = ConfigDir::read(args.config.as_deref(), args.env.as_deref(), process)?;
        // First, so that a port in use is told before anything is written.
        let listener = TcpListener::bind(args.listen).await.with_context(|| {
            format!(
                "cannot listen on {}: choose another address with --listen",
                args.listen
            )
        })?;
        let address = listener.local_addr()?;
        let bus = open_bus(&args.bus)?;
        let background = Background::default();
        let mut warnings = Vec::new();

        let url: RegistryUrl = match &args.registry {
            Some(url) => url.parse()?,
            None => format!("sqlite:{}", args.data_dir.join("hotbed.db").display()).parse()?,
        };
        std::fs::create_dir_all(&args.data_dir).with_context(|| {
            format!(
                "cannot create {}: choose another place with --data-dir",
                args.data_dir.display()
            )
        })?;
        let snapshot = Arc::new(DiskSnapshot::open(&args.data_dir.join("snapshot.json")).await);
        background
            .upkeep
            .tasks
            .spawn(Arc::clone(&snapshot).run(background.upkeep.stop.clone()));
        let store = StoreAt::new(url);
        let (backend, reachable) = open_bots(&store, &snapshot, &background.follow).await?;
        if !reachable {
            warnings.push(format!(
                "the registry {} cannot be reached: {} bots are served from this node's snapshot",
                store.url(),
                snapshot.len()
            ));
        }

        let admission = match args.admission {
            serve_args::Admission::Permissive => Admission::Permissive,
            serve_args::Admission::Strict => Admission::Strict,
        };
        let snapshot_registrations = snapshot.len();
        let registry = Registry::builder(CollectionName::bots(), backend, Arc::clone(&bus))
            .admission(admission)
            .snapshot(Arc::clone(&snapshot) as _)
            .build();
        let conversations = Conversations::new(ConversationLimits::default());
        let keys: ProviderKeys = process.iter().cloned().collect();
        let settings = CacheSettings {
            capacity: args.cache_capacity,
            ttl: args.cache_ttl,
            ..CacheSettings::default()
        };
        let bots = Arc::new(
            CachingRegistryManager::builder(
                registry.reader(),
                BotFactory::new(keys, conversations.clone()),
            )
            .settings(settings)
            .environment(Arc::new(config.environment.clone()))
            .build(),
        );
        let forget = Arc::new(ForgetDeleted {
            bots: Arc::clone(&bots),
            conversations,
            snapshot,
        });
        registry.add_check(Arc::new(bots.door_check()));
        registry.add_observer(Arc::clone(&bots) as _);
        registry.add_observer(Arc::clone(&forget) as _);

        let domains = match config.domains_dir {
            Some(dir) if reachable => {
                Some(register(&registry, dir, config.domains, &mut warnings).await?)
            }
            _ => None,
        };
        let targets: Vec<Arc<dyn ReloadTarget>> = vec![Arc::clone(&bots) as _, forget];
        let hot_reload = HotReloadManager::new(registry.reader(), mode(&args, bus), targets);
        let handle = hot_reload.handle();
        background
            .follow
            .tasks
            .spawn(hot_reload.run(background.follow.stop.clone()));
        let maintain = {
            let (registry, stop) = (registry.clone(), background.upkeep.stop.clone());
            async move { registry.maintain(stop).await }
        };
        background.upkeep.tasks.spawn(maintain);

        let (readiness, ready) = watch::channel(Readiness::Starting);
        let account = Account {
            address,
            environment: config.environment_note,
            registry: store.url().to_string(),
            reload: describe_reload(&args),
            domains,
            warnings: warnings.clone(),
        };
        let state = ServerState {
            registry,
            bots,
            hot_reload: handle,
            info: NodeInfo {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                started: Instant::now(),
                environment: config.environment.name().to_owned(),
                registry: store.url().to_string(),
                bus: args.bus,
                admission,
                snapshot_registrations,
                warnings,
            },
            access: Access {
                listen: address,
                hosts: args.host,
            },
            limits: Limits {
                body_bytes: args.max_body_bytes,
                drain: args.drain_deadline,
                ..Limits::default()
            },
            readiness: ready,
            shutdown: CancellationToken::new(),
        };
        Ok(Self {
            listener,
            state,
            store,
            readiness,
            background,
            drain: args.drain_deadline,
            account,
        })
    }

    /// Serves until told to stop, then finishes what is under way. Fails if anything could not be finished.
    pub(crate) async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let Self {
            listener,
            state,
            store,
            readiness,
            background,
            drain,
            ..
        } = self;
        readiness.send_replace(Readiness::Ready);
        let (registry, bots, server_stop) = (
            state.registry.clone(),
            Arc::clone(&state.bots),
            state.shutdown.clone(),
        );
        let drained = {
            let server = hotbed_server::serve(listener, state);
            tokio::pin!(server);
            tokio::select! {
                // It ends by itself only when it cannot go on.
                ended = &mut server => ended.context("server ended"),
                () = stop.cancelled() => {
                    readiness.send_replace(Readiness::Draining);
                    server_stop.cancel();
                    server.await.context("server did not drain")
                }
            }
        };
        let deadline = Instant::now() + drain;
        let ended = [
            drained,
            background.follow.end(deadline).await,
            bots.close(deadline.saturating_duration_since(Instant::now()))
                .await
                .context("bots are not closed"),
            tokio::time::timeout_at(deadline, registry.drain())
                .await
                .context("writes did not end in time"),
            background.upkeep.end(deadline).await,
            tokio::time::timeout_at(deadline, store.close())
                .await
                .context("registry did not close in time"),
        ];
        let unfinished: Vec<String> = ended
            .into_iter()
            .filter_map(Result::err)
            .map(|error| format!("{error:#}"))
            .collect();
        if unfinished.is_empty() {
            Ok(())
        } else {
            bail!(unfinished.join("; "))
        }
    }
}

/// Opens the collection of bots. A registry that is down is waited for if there is a snapshot to serve from
/// meanwhile; without one there is nothing to run for.
async fn open_bots(
    store: &Arc<StoreAt>,
    snapshot: &DiskSnapshot,
    waiting: &Stage,
) -> anyhow::Result<(Arc<dyn RegistryBackend>, bool)> {
    let connect = store.connect(CollectionName::bots());
    match connect.connect().await {
        Ok(backend) => Ok((backend, true)),
        Err(error) if snapshot.is_empty() => {
            Err(error).with_context(|| format!("cannot open the registry {}", store.url()))
        }
        Err(error) => {
            tracing::warn!(%error, "registry cannot be opened: serving from the snapshot and trying again");
            let backend = Arc::new(ConnectingBackend::new(connect, &error));
            let (connecting, stop) = (Arc::clone(&backend), waiting.stop.clone());
            waiting
                .tasks
                .spawn(async move { connecting.run(stop).await });
            Ok((backend, false))
        }
    }
}

/// Registers the bots of domain files that are not registered yet. What is registered is left as it is: it may have
/// been changed since.
async fn register(
    registry: &Registry,
    dir: PathBuf,
    bots: Vec<DomainBot>,
    warnings: &mut Vec<String>,
) -> anyhow::Result<Domains> {
    let mut domains = Domains {
        dir,
        ..Domains::default()
    };
    for bot in bots {
        let id = Id::new(&bot.id).with_context(|| format!("in {}", domains.dir.display()))?;
        let draft = Draft {
            config: bot.config,
            status: Status::Active,
            metadata: Some(bot.metadata),
        };
        match registry.put(&id, draft, Precondition::Absent).await {
            Ok(admitted) => {
                warnings.extend(
                    admitted
                        .warnings
                        .into_iter()
                        .map(|warning| format!("{id}: {warning}")),
                );
                domains.registered.push(id);
            }
            Err(Error::Conflict { .. }) => domains.kept.push(id),
            Err(error) => {
                return Err(error)
                    .with_context(|| format!("cannot register {id} of {}", domains.dir.display()));
            }
        }
    }
    Ok(domains)
}

fn open_bus(url: &str) -> anyhow::Result<Arc<dyn EventBus>> {
    match url {
        "memory:" | "memory://" => Ok(Arc::new(MemoryBus::new())),
        other => {
            let scheme = other.split(':').next().unwrap_or_default();
            bail!("event bus of scheme {scheme:?} is of no kind that can be opened: use memory:")
        }
    }
}

fn mode(args: &ServeArgs, bus: Arc<dyn EventBus>) -> ReloadMode {
    let (every, topic) = (
        args.poll_interval,
        Registry::topic_of(&CollectionName::bots()),
    );
    match args.reload {
        Reload::Polling => ReloadMode::Polling { every },
        Reload::EventDriven => ReloadMode::EventDriven { bus, topic },
        Reload::Hybrid => ReloadMode::Hybrid { bus, topic, every },
    }
}

fn describe_reload(args: &ServeArgs) -> String {
    match args.reload {
        Reload::Polling => format!("polling every {:?}", args.poll_interval),
        Reload::EventDriven => format!("events of {}", args.bus),
        Reload::Hybrid => format!(
            "events of {}, and polling every {:?}",
            args.bus, args.poll_interval
        ),
    }
}

impl Account {
    /// Tells a person what was done and what to try.
    pub(crate) fn tell(&self, program: &Path, out: &mut dyn std::io::Write) -> std::io::Result<()> {
        let url = format!("http://{}", self.address);
        writeln!(out, "hotbed {}", env!("CARGO_PKG_VERSION"))?;
        writeln!(out, "  environment  {}", self.environment)?;
        writeln!(out, "  registry     {}", self.registry)?;
        writeln!(out, "  reload       {}", self.reload)?;
        let list = |ids: &[Id]| ids.iter().map(Id::as_str).collect::<Vec<_>>().join(", ");
        if let Some(domains) = &self.domains {
            let dir = domains.dir.display();
            if !domains.registered.is_empty() {
                writeln!(
                    out,
                    "  registered   {} (from {dir})",
                    list(&domains.registered)
                )?;
            }
            if !domains.kept.is_empty() {
                writeln!(
                    out,
                    "  kept         {} (registered before; {dir} is not applied again)",
                    list(&domains.kept)
                )?;
            }
        }
        for warning in &self.warnings {
            writeln!(
                out,
                "  warning      {}",
                warning.replace('\n', "\n               ")
            )?;
        }
        writeln!(out, "  listening    {url}  (API {url}/docs)")?;
        let known = self
            .domains
            .iter()
            .flat_map(|domains| domains.registered.iter().chain(&domains.kept))
            .next();
        let (id, program) = (known.map_or("greeter", Id::as_str), program.display());
        let server = if self.address.port() == 8700 && self.address.ip().is_loopback() {
            String::new()
        } else {
            format!(" --server {url}")
        };
        writeln!(out, "\nTry, in another terminal:")?;
        if known.is_none() {
            let config = r#"'{"llm": {"provider": "echo", "model": "echo-1"}, "system_prompt": "You greet."}'"#;
            writeln!(out, "  {program}{server} bots put {id} --config {config}")?;
            writeln!(out, "  {program}{server} bots chat {id} Hello")?;
            writeln!(out, "  {program}{server} health")?;
        } else {
            writeln!(out, "  {program}{server} bots list")?;
            writeln!(out, "  {program}{server} bots chat {id} Hello")?;
            writeln!(out, "  {program}{server} bots watch")?;
        }
        out.flush()
    }
}
