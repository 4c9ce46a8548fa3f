//! The composition root: which parts a server is made of, and in which order they start and stop.

use crate::account::Account;
use crate::admin::admin_token;
use crate::announcing::{self, Topics};
use crate::chats::chats;
use crate::config_dir::Source;
use crate::domains::{Domains, Registered};
use crate::forget::ForgetDeleted;
use crate::live::{self, Live};
use crate::log::Log;
use crate::mods::{Mods, Opened, Surroundings};
use crate::portability::PortabilityCheck;
use crate::serve_args::{self, Reload, ServeArgs};
use crate::settings::Settings;
use crate::storage::Storage;
use crate::warnings::{Subject, Warnings};
use crate::watching::{Door, Shelf, Trigger, Wanted, Watching};
use anyhow::{Context, bail};
use chrono::Utc;
use hotbed::cache::{CacheSettings, CachingRegistryManager};
use hotbed::configs::{ConfigSchema, Environment};
use hotbed::hotreload::{HotReloadManager, ReloadTarget};
use hotbed::registry::{
    Admission, CollectionName, ConnectingBackend, HistoryRetention, Registry, Retention,
};
use hotbed_api::Readiness;
use hotbed_backends::{BusUrl, RegistryUrl, StoreAt, open_bus};
use hotbed_bots::{Bot, BotFactory, ConversationLimits, Conversations, ProviderKeys};
use hotbed_fleet::{Member, NodeId, Pace};
use hotbed_server::{Access, Authority, Limits, NodeInfo, Reporter, ServerState};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

/// A server whose parts are all running, and which listens.
#[derive(Debug)]
pub(crate) struct App {
    listener: TcpListener,
    state: ServerState,
    store: Arc<StoreAt>,
    mods: Mods,
    readiness: watch::Sender<Readiness>,
    background: Background,
    drain_delay: Duration,
    drain: Duration,
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

impl App {
    /// Puts a server together and starts its parts; it takes requests once it [runs](Self::run).
    #[expect(
        clippy::too_many_lines,
        reason = "one list of all parts, in the order in which they start"
    )]
    pub(crate) async fn start(
        args: ServeArgs,
        process: &[(String, String)],
        log: Log,
    ) -> anyhow::Result<Self> {
        let (key, process) = Storage::snapshot_key(&args, process)?;
        let (admin, process) = admin_token(&args, process)?;
        let mut source = Source::find(
            args.config.as_deref(),
            args.env.as_deref(),
            &process,
            &args.config_secrets,
        )?;
        let config = source.read()?;
        source.take_note(&config);
        let settings = Settings::of(&args, &config.environment)?;
        log.change(&settings.log)?;
        // First, so that a port in use is told before anything is written.
        let listener = TcpListener::bind(args.listen).await;
        let listener = listener.with_context(|| {
            format!(
                "cannot listen on {}: choose another address with --listen",
                args.listen
            )
        })?;
        let address = listener.local_addr()?;
        let (bus_url, bus_named_by) = announcing::bus(&args, &config.environment)?;
        if let Some(named_by) = &bus_named_by {
            tracing::info!(bus = %bus_url, "no --bus was given: it is that of {named_by}");
        }
        let topics = Topics::of(&args, &bus_url)?;
        let host = host_name();
        let node = match &args.node_id {
            Some(node) => node.clone(),
            None => NodeId::new(&format!("{host}:{}", address.port()))?,
        };
        let background = Background::default();
        let mut warnings = config.warnings;

        let (url, named_by) = Storage::place(&args, &config.environment)?;
        if let Some(named_by) = &named_by {
            tracing::info!(registry = %url, "no --registry was given: it is that of {named_by}");
        }
        let Storage {
            snapshot,
            store,
            backend,
            waiting,
        } = Storage::open(&args, url, key.clone()).await?;
        background
            .upkeep
            .tasks
            .spawn(Arc::clone(&snapshot).run(background.upkeep.stop.clone()));
        // A registry that announces what is written to it reaches further than a bus that does not leave this process.
        let bus = match store.bus() {
            Some(announced) if !bus_url.leaves_the_process() => announced,
            _ => open_bus(&bus_url),
        };
        warnings.extend(warn_of_deaf_bus(&args, &bus_url, store.url()));
        let authority = Authority::new(address, admin);
        let source_name = format!("hotbed:{node}");
        let mods = Opened::open(
            Surroundings {
                args: &args,
                environment: &config.environment,
                authority: &authority,
                bots: &store,
                bus: Arc::clone(&bus),
                poll_interval: settings.poll_interval,
                retention: retention(&args),
                source: &source_name,
            },
            key,
        )
        .await?;
        mods.keep_up(&background.upkeep.tasks, &background.upkeep.stop);
        let admission = admission(&args);
        let registry = Registry::builder(CollectionName::bots(), backend, Arc::clone(&bus))
            .topics(topics.publish)
            .source(&source_name)
            .admission(admission)
            .retention(retention(&args))
            .snapshot(snapshot)
            .build();
        let last_served = registry.reader().last_served();
        let last_served = last_served.context("the registry was built with a snapshot")?;
        // Before anybody who answers from what it is told: what is told to be gone must not come back at a restart.
        registry.add_observer(Arc::clone(&last_served) as _);
        let (bots, forget) = keep_bots(
            &settings,
            &process,
            &registry,
            config.environment.clone(),
            config.schema.clone(),
        );
        registry.add_check(Arc::new(PortabilityCheck {
            is_waived: args.allow_unportable,
        }));
        let domains = match config.domains_dir {
            Some(dir) => Some(Domains::prove(dir, &config.bots, &registry, admission)?),
            None => None,
        };
        let (warn, told) = Warnings::new();
        let warn = Arc::new(warn);
        let domains = seed(
            &registry,
            domains,
            waiting,
            &background.follow,
            Arc::clone(&warn),
        )
        .await?;
        if let Some(domains) = &domains {
            warn.tell(Subject::Bots, domains.warnings.clone());
        }
        warn.tell(Subject::Start, warnings);
        let fleet_bus = Arc::clone(&bus);
        let targets: Vec<Arc<dyn ReloadTarget>> = vec![last_served, Arc::clone(&bots) as _, forget];
        let hot_reload = HotReloadManager::new(
            registry.reader(),
            args.reload.mode(settings.poll_interval, bus, topics.listen),
            targets,
        )
        .of(registry.collection().clone());
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
        let mods = mods
            .follow(&background.follow.tasks, &background.follow.stop)
            .await;
        let mut shelf = Shelf {
            door: Door::Mods(mods.registry.clone(), mods.desk.clone()),
            applied: BTreeMap::new(),
        };
        let declared = shelf.begin(&config.mods).await;
        warn.tell(Subject::Mods, declared.warnings);
        // Whoever is told that this node is ready finds it up to date, unless the registry is down.
        if let Err(error) = handle.sync().await {
            tracing::debug!(%error, "registry is followed later");
        }

        let (readiness, ready) = watch::channel(Readiness::Starting);
        let info = NodeInfo {
            node,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: Instant::now(),
            environment: config.environment.name().to_owned(),
            registry: store.url().to_string(),
            bus: bus_url.to_string(),
            admission,
            warnings: told.clone(),
        };
        let account = Account {
            address,
            environment: config.environment_note,
            registry: match named_by {
                Some(named_by) => format!("{} ({named_by})", store.url()),
                None => store.url().to_string(),
            },
            reload: describe_reload(&args, settings.poll_interval, &bus_url),
            domains,
            warnings: told.borrow().clone(),
        };
        let reporter = Reporter {
            info: info.clone(),
            incarnation: Uuid::now_v7(),
            host,
            address,
            started_at: Utc::now(),
            collection: registry.collection().clone(),
            bots: Arc::clone(&bots),
            hot_reload: handle.clone(),
            mods_collection: mods.registry.collection().clone(),
            mods: mods.desk.clone(),
            mods_reload: mods.handle.clone(),
            readiness: ready.clone(),
        };
        let member = Member::new(
            fleet_bus,
            store.roster(),
            Arc::new(reporter),
            handle.reached(),
            Pace::default(),
        );
        let fleet = member.fleet();
        background
            .follow
            .tasks
            .spawn(member.run(background.follow.stop.clone()));
        let (limits, taken) = watch::channel(limits(&args, &settings));
        let live = Live {
            log,
            bots: Arc::clone(&bots),
            hot_reload: handle.clone(),
            mods: Arc::clone(&mods.follower),
            mods_reload: mods.handle.clone(),
            limits,
        };
        if let Some(dir) = source.dir() {
            let watching = Watching {
                source,
                args: args.clone(),
                url: store.url().clone(),
                bus: bus_url,
                live,
                warnings: warn,
                settings,
                bots: Shelf {
                    door: Door::Bots(registry.clone()),
                    applied: config.bots.clone(),
                },
                mods: shelf,
                wanted: Wanted {
                    bots: config.bots,
                    mods: config.mods,
                },
            };
            let run = watching.run(Trigger::of(&dir)?, background.follow.stop.clone());
            background.follow.tasks.spawn(run);
        }
        let state = ServerState {
            registry,
            bots,
            hot_reload: handle,
            mods: mods.desk.clone(),
            mods_reload: mods.handle.clone(),
            agents: mods.network.clone(),
            authority,
            chats: chats(&config.environment)?,
            fleet,
            info,
            access: Access {
                listen: address,
                hosts: args.host.clone(),
            },
            limits: taken,
            readiness: ready,
            shutdown: CancellationToken::new(),
        };
        Ok(Self {
            listener,
            state,
            store,
            mods,
            readiness,
            background,
            drain_delay: args.drain_delay,
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
            mods,
            readiness,
            background,
            drain_delay,
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
            let begin = async {
                stop.cancelled().await;
                readiness.send_replace(Readiness::Draining);
                // Whoever sends requests here gets the time to notice.
                tokio::time::sleep(drain_delay).await;
                server_stop.cancel();
                std::future::pending::<()>().await;
            };
            tokio::select! {
                ended = hotbed_server::serve(listener, state) => ended.context("server did not drain"),
                () = begin => Ok(()),
            }
        };
        let deadline = Instant::now() + drain;
        let ended = [
            drained,
            // Before nobody looks at what is written of them any more.
            tokio::time::timeout_at(deadline, mods.desk.drain())
                .await
                .context("changes of mods did not end in time"),
            background.follow.end(deadline).await,
            mods.stop(deadline).await,
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
            tokio::time::timeout_at(deadline, mods.store.close())
                .await
                .context("registry of mods did not close in time"),
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

/// The cache of live bots, and what forgets those that are deleted; both told of every write.
fn keep_bots(
    settings: &Settings,
    process: &[(String, String)],
    registry: &Registry,
    environment: Environment,
    schema: Option<Arc<ConfigSchema>>,
) -> (Arc<CachingRegistryManager<Bot>>, Arc<ForgetDeleted>) {
    let conversations = Conversations::new(ConversationLimits::default());
    let keys: ProviderKeys = process.iter().cloned().collect();
    let settings = CacheSettings {
        capacity: settings.cache_capacity,
        ttl: settings.cache_ttl,
        ..CacheSettings::default()
    };
    let factory = BotFactory::new(keys, conversations.clone());
    let mut bots = CachingRegistryManager::builder(registry.reader(), factory)
        .settings(settings)
        .environment(Arc::new(environment));
    if let Some(schema) = schema {
        bots = bots.schema(schema);
    }
    let bots = Arc::new(bots.build());
    let forget = Arc::new(ForgetDeleted {
        bots: Arc::clone(&bots),
        conversations,
    });
    registry.add_check(Arc::new(bots.door_check()));
    registry.add_observer(Arc::clone(&bots) as _);
    registry.add_observer(Arc::clone(&forget) as _);
    (bots, forget)
}

fn admission(args: &ServeArgs) -> Admission {
    match args.admission {
        serve_args::Admission::Permissive => Admission::Permissive,
        serve_args::Admission::Strict => Admission::Strict,
    }
}

fn retention(args: &ServeArgs) -> Retention {
    Retention {
        history: HistoryRetention {
            versions: args.history_versions,
            age: args.history_age,
        },
        ..Retention::default()
    }
}

fn limits(args: &ServeArgs, settings: &Settings) -> Limits {
    Limits {
        body_bytes: live::bytes(settings.max_body_bytes),
        drain: args.drain_deadline,
        ..Limits::default()
    }
}

/// Events that stay within this process tell nothing of what another one writes.
fn warn_of_deaf_bus(args: &ServeArgs, bus: &BusUrl, registry: &RegistryUrl) -> Option<String> {
    let why = match registry {
        _ if args.reload != Reload::EventDriven || bus.leaves_the_process() => return None,
        RegistryUrl::Memory => return None,
        RegistryUrl::Http(_) => "only another hotbed announces what is written to it".to_owned(),
        _ => format!("the bus {bus} does not leave this process"),
    };
    Some(format!(
        "{why}: if others write to {registry}, use --reload hybrid"
    ))
}

/// Registers the bots of domain files: now, or once the registry can be reached.
async fn seed(
    registry: &Registry,
    domains: Option<Domains>,
    waiting: Option<Arc<ConnectingBackend>>,
    follow: &Stage,
    warn: Arc<Warnings>,
) -> anyhow::Result<Option<Registered>> {
    match (domains, waiting) {
        (Some(domains), None) => Ok(Some(domains.register(registry).await?)),
        (None, None) => Ok(None),
        (domains, Some(waiting)) => {
            let seeding = when_reachable(
                waiting,
                domains,
                registry.clone(),
                follow.stop.clone(),
                warn,
            );
            follow.tasks.spawn(seeding);
            Ok(None)
        }
    }
}

/// Does what a start with the registry down could not do.
async fn when_reachable(
    waiting: Arc<ConnectingBackend>,
    domains: Option<Domains>,
    registry: Registry,
    stop: CancellationToken,
    warn: Arc<Warnings>,
) {
    waiting.run(stop.clone()).await;
    if stop.is_cancelled() {
        return;
    }
    if let Some(domains) = domains {
        match domains.register(&registry).await {
            Ok(Registered {
                added, warnings, ..
            }) => {
                tracing::info!(?added, "bots of domain files are registered");
                warn.tell(Subject::Bots, warnings);
            }
            Err(error) => tracing::warn!(
                error = format!("{error:#}"),
                "bots of domain files are not registered"
            ),
        }
    }
}

/// The name of this machine, as far as it can be part of a node's.
fn host_name() -> String {
    let name = nix::unistd::gethostname().unwrap_or_default();
    let printable = |c: &char| !c.is_whitespace() && !c.is_control();
    let name: String = name
        .to_string_lossy()
        .chars()
        .filter(printable)
        .take(64)
        .collect();
    if name.is_empty() {
        "localhost".into()
    } else {
        name
    }
}

fn describe_reload(args: &ServeArgs, every: Duration, bus: &BusUrl) -> String {
    match args.reload {
        Reload::Polling => format!("polling every {every:?}"),
        Reload::EventDriven => format!("events of {bus}"),
        Reload::Hybrid => format!("events of {bus}, and polling every {every:?}"),
    }
}
