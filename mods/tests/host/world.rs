//! A loader whose mods do as they are told, write down what is done with them, and notice what must never be.

use async_trait::async_trait;
use hotbed_configs::{PortableConfig, ResolvedConfig};
use hotbed_mods::{
    BoxError, CommandCall, CommandReply, Context, Desired, Dispatched, Emissions, EventName,
    EventPattern, Health, HostBuilder, HostSettings, Manifest, Mod, ModEvent, ModHost, ModId,
    ModLoader, ModPath, OpenError, Outcome, Package, Permissions, Placement, Priority, Report,
    Response, Scheme,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use tokio::sync::Semaphore;

pub(crate) struct World {
    pub(crate) host: ModHost,
    pub(crate) shop: Shop,
    pub(crate) emissions: tokio::sync::Mutex<Emissions>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(HostSettings::default())
    }

    pub(crate) fn with(settings: HostSettings) -> Self {
        Self::built(|builder| builder.settings(settings))
    }

    pub(crate) fn built(build: impl FnOnce(HostBuilder) -> HostBuilder) -> Self {
        let shop = Shop::default();
        let builder = build(ModHost::builder()).loader(shop.clone());
        let (host, emissions) = builder.build();
        Self {
            host,
            shop,
            emissions: tokio::sync::Mutex::new(emissions),
        }
    }

    /// Makes these mods run, all of those the shop has recipes for or makes usual ones of.
    pub(crate) async fn run(&self, names: &[&str]) -> Report {
        self.host.reconcile(desired_all(names)).await
    }

    pub(crate) async fn send(&self, name: &str) -> Dispatched {
        self.host.dispatch(event(name)).await
    }

    /// Who answered an event, as `id@generation`.
    pub(crate) async fn answer(&self, name: &str) -> Option<String> {
        match self.send(name).await.outcome {
            Outcome::Answered { response, .. } => Some(response.message),
            _ => None,
        }
    }

    pub(crate) fn state(&self, name: &str) -> Option<&'static str> {
        self.host.status(name).map(|status| status.state.as_str())
    }

    pub(crate) fn generation(&self, name: &str) -> Option<u64> {
        self.host.status(name)?.generation
    }

    pub(crate) fn error(&self, name: &str) -> String {
        self.host
            .status(name)
            .and_then(|status| status.error)
            .unwrap_or_default()
    }

    /// Fails unless nothing at all is left, once what is on its way out has gone.
    pub(crate) async fn assert_empty(&self) {
        eventually("nothing is left", || {
            self.host.leftovers().is_empty() && self.shop.alive() == 0
        })
        .await;
        assert!(
            self.host.statuses().is_empty(),
            "{:?}",
            self.host.statuses()
        );
        self.shop.assert_sound();
    }
}

/// The recipes of mods by path, and what became of the mods.
#[derive(Clone, Default)]
pub(crate) struct Shop {
    inside: Arc<Inside>,
}

#[derive(Default)]
struct Inside {
    recipes: Mutex<BTreeMap<String, Recipe>>,
    log: Mutex<Vec<String>>,
    wrongs: Mutex<Vec<String>>,
    alive: AtomicUsize,
    constructed: AtomicUsize,
    opened: AtomicUsize,
}

/// What a mod is made of and how it behaves.
#[derive(Clone)]
pub(crate) struct Recipe {
    pub(crate) manifest: Manifest,
    pub(crate) digest: String,
    pub(crate) placement: Placement,
    pub(crate) acts: BTreeMap<Step, Act>,
    /// What is done with the context in `initialize`.
    pub(crate) with_context: Option<WithContext>,
    pub(crate) answers: bool,
}

pub(crate) type WithContext = Arc<dyn Fn(&Context) -> Result<(), BoxError> + Send + Sync>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Open,
    Construct,
    Initialize,
    Start,
    Health,
    Handle,
    Command,
    Stop,
    Drop,
}

/// What a mod does in one step.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Fail,
    Panic,
    Hang,
    /// Answers that it will not, or is not well.
    No,
    /// Waits for a permit.
    Gate(Arc<Semaphore>),
    /// Blocks its thread until the other end is dropped.
    Block(Arc<Mutex<mpsc::Receiver<()>>>),
}

impl Recipe {
    /// A mod that does nothing wrong: it answers `to_NAME.*` and `ask.*`.
    pub(crate) fn new(name: &str) -> Self {
        let patterns = [format!("to_{name}.*"), "ask.*".to_owned()];
        Self {
            manifest: Manifest {
                name: name.to_owned(),
                version: "1".to_owned(),
                events: patterns
                    .iter()
                    .map(|text| EventPattern::new(text).unwrap())
                    .collect(),
                ..Manifest::default()
            },
            digest: "1".to_owned(),
            placement: Placement::Threads,
            acts: BTreeMap::new(),
            with_context: None,
            answers: true,
        }
    }

    pub(crate) fn on(mut self, names: &[&str]) -> Self {
        self.manifest.dependencies = names.iter().map(|name| id(name)).collect();
        self
    }

    pub(crate) fn at(mut self, priority: Priority) -> Self {
        self.manifest.priority = priority;
        self
    }

    pub(crate) fn act(mut self, step: Step, act: Act) -> Self {
        self.acts.insert(step, act);
        self
    }

    pub(crate) fn words(mut self, words: &[&str]) -> Self {
        self.manifest.words = words.iter().map(|word| (*word).to_owned()).collect();
        self.manifest.scopes = hotbed_mods::Scopes::any();
        self
    }

    pub(crate) fn silent(mut self) -> Self {
        self.answers = false;
        self
    }

    pub(crate) fn using(
        mut self,
        with_context: impl Fn(&Context) -> Result<(), BoxError> + Send + Sync + 'static,
    ) -> Self {
        self.with_context = Some(Arc::new(with_context));
        self
    }
}

impl Shop {
    /// Puts a recipe at `test.NAME`.
    pub(crate) fn stock(&self, name: &str, recipe: Recipe) {
        self.inside
            .recipes
            .lock()
            .unwrap()
            .insert(path(name).to_string(), recipe);
    }

    /// Changes a recipe, of which there is a usual one otherwise.
    pub(crate) fn change(&self, name: &str, change: impl FnOnce(&mut Recipe)) {
        let mut recipes = self.inside.recipes.lock().unwrap();
        change(
            recipes
                .entry(path(name).to_string())
                .or_insert_with(|| Recipe::new(name)),
        );
    }

    pub(crate) fn behave(&self, name: &str, step: Step, act: Act) {
        self.change(name, |recipe| {
            recipe.acts.insert(step, act);
        });
    }

    /// Holds a step back; each permit lets one through.
    pub(crate) fn gate(&self, name: &str, step: Step) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        self.behave(name, step, Act::Gate(Arc::clone(&gate)));
        gate
    }

    /// How many mods are there.
    pub(crate) fn alive(&self) -> usize {
        self.inside.alive.load(SeqCst)
    }

    pub(crate) fn constructed(&self) -> usize {
        self.inside.constructed.load(SeqCst)
    }

    /// How often it was looked what is behind a path.
    pub(crate) fn opened(&self) -> usize {
        self.inside.opened.load(SeqCst)
    }

    pub(crate) fn note(&self, line: String) {
        self.inside.log.lock().unwrap().push(line);
    }

    /// What was done, and forgets it.
    pub(crate) fn log(&self) -> Vec<String> {
        std::mem::take(&mut self.inside.log.lock().unwrap())
    }

    /// The ids in the order in which a step was taken with them, and forgets what was done.
    pub(crate) fn order_of(&self, step: &str) -> Vec<String> {
        let log = self.log();
        let of_step = log
            .iter()
            .filter_map(|line| line.strip_prefix(step)?.strip_prefix(' '));
        of_step.map(str::to_owned).collect()
    }

    pub(crate) fn count(&self, line: &str) -> usize {
        self.inside
            .log
            .lock()
            .unwrap()
            .iter()
            .filter(|done| **done == line)
            .count()
    }

    fn wrong(&self, what: String) {
        self.inside.wrongs.lock().unwrap().push(what);
    }

    /// Fails if a mod was used before it was initialized or after it was stopped, stopped while it was used, or stopped
    /// or initialized twice.
    pub(crate) fn assert_sound(&self) {
        let wrongs = self.inside.wrongs.lock().unwrap();
        assert!(wrongs.is_empty(), "{wrongs:?}");
    }

    fn recipe(&self, path: &ModPath) -> Option<Recipe> {
        let name = path.as_str().strip_prefix("test.")?;
        if name.starts_with("missing") {
            return None;
        }
        let recipes = self.inside.recipes.lock().unwrap();
        Some(
            recipes
                .get(path.as_str())
                .cloned()
                .unwrap_or_else(|| Recipe::new(name)),
        )
    }
}

#[async_trait]
impl ModLoader for Shop {
    fn scheme(&self) -> Scheme {
        Scheme::BUILT_IN
    }

    async fn open(&self, path: &ModPath) -> Result<Package, OpenError> {
        self.inside.opened.fetch_add(1, SeqCst);
        let recipe = self.recipe(path).ok_or_else(|| OpenError::NotFound {
            path: path.clone(),
            known: vec!["test.*".to_owned()],
        })?;
        let unreadable = |source: BoxError| OpenError::Unreadable {
            path: path.clone(),
            source,
        };
        act(recipe.acts.get(&Step::Open))
            .await
            .map_err(unreadable)?;
        let shop = self.clone();
        let (manifest, digest, placement) = (
            recipe.manifest.clone(),
            recipe.digest.clone(),
            recipe.placement,
        );
        Ok(Package::new(manifest, digest, placement, move || {
            match recipe.acts.get(&Step::Construct) {
                Some(Act::Panic) => panic!("told to"),
                Some(Act::Fail) => return Err("told to fail".into()),
                _ => {}
            }
            shop.inside.alive.fetch_add(1, SeqCst);
            shop.inside.constructed.fetch_add(1, SeqCst);
            let told: Arc<dyn Mod> = Arc::new(Told {
                shop,
                recipe,
                context: Mutex::default(),
                initialized: AtomicBool::new(false),
                stopped: AtomicBool::new(false),
                in_use: AtomicUsize::new(0),
            });
            Ok(told)
        }))
    }
}

/// A mod that does as it is told.
struct Told {
    shop: Shop,
    recipe: Recipe,
    context: Mutex<Option<Context>>,
    initialized: AtomicBool,
    stopped: AtomicBool,
    in_use: AtomicUsize,
}

struct InUse<'a>(&'a Told);

impl Drop for InUse<'_> {
    fn drop(&mut self) {
        self.0.in_use.fetch_sub(1, SeqCst);
    }
}

impl Told {
    fn name(&self) -> String {
        let context = self.context.lock().unwrap();
        context.as_ref().map_or_else(
            || self.recipe.manifest.name.clone(),
            |context| context.id().to_string(),
        )
    }

    fn generation(&self) -> u64 {
        self.context
            .lock()
            .unwrap()
            .as_ref()
            .map_or(0, Context::generation)
    }

    async fn act(&self, step: Step) -> Result<(), BoxError> {
        act(self.recipe.acts.get(&step)).await
    }

    fn says_no(&self, step: Step) -> bool {
        matches!(self.recipe.acts.get(&step), Some(Act::No))
    }

    fn use_it(&self) -> InUse<'_> {
        self.in_use.fetch_add(1, SeqCst);
        if self.stopped.load(SeqCst) || !self.initialized.load(SeqCst) {
            self.shop.wrong(format!(
                "{} was used before it was there or after it was stopped",
                self.name()
            ));
        }
        InUse(self)
    }
}

async fn act(act: Option<&Act>) -> Result<(), BoxError> {
    match act {
        None | Some(Act::No) => Ok(()),
        Some(Act::Fail) => Err("told to fail".into()),
        Some(Act::Panic) => panic!("told to panic"),
        Some(Act::Hang) => std::future::pending().await,
        Some(Act::Gate(gate)) => {
            gate.acquire().await?.forget();
            Ok(())
        }
        Some(Act::Block(until)) => {
            // An error is a release as well.
            until.lock().unwrap().recv().ok();
            Ok(())
        }
    }
}

#[async_trait]
impl Mod for Told {
    async fn initialize(&self, context: &Context) -> Result<bool, BoxError> {
        *self.context.lock().unwrap() = Some(context.clone());
        self.shop.note(format!("initialize {}", self.name()));
        if self.initialized.swap(true, SeqCst) {
            self.shop
                .wrong(format!("{} was initialized twice", self.name()));
        }
        if let Some(with_context) = &self.recipe.with_context {
            with_context(context)?;
        }
        self.act(Step::Initialize).await?;
        Ok(!self.says_no(Step::Initialize))
    }

    async fn start(&self) -> Result<(), BoxError> {
        self.shop.note(format!("start {}", self.name()));
        self.act(Step::Start).await
    }

    async fn handle(&self, event: &ModEvent) -> Result<Option<Response>, BoxError> {
        let _in_use = self.use_it();
        self.shop
            .note(format!("handle {} {}", self.name(), event.name));
        self.act(Step::Handle).await?;
        if self.stopped.load(SeqCst) {
            self.shop
                .wrong(format!("{} was stopped while it was used", self.name()));
        }
        let said = Response::ok(format!("{}@{}", self.name(), self.generation()), json!({}));
        Ok(self.recipe.answers.then_some(said))
    }

    async fn command(&self, call: &CommandCall) -> Result<Option<CommandReply>, BoxError> {
        let _in_use = self.use_it();
        self.act(Step::Command).await?;
        let CommandCall {
            command,
            channel,
            username,
            params,
            files,
        } = call;
        let text = format!(
            "{}: {command} {channel} {username} {params:?} {}",
            self.name(),
            files.len()
        );
        Ok((!self.says_no(Step::Command)).then(|| CommandReply::text(text)))
    }

    async fn health(&self) -> Health {
        if self.act(Step::Health).await.is_err() || self.says_no(Step::Health) {
            return Health::unhealthy("told to be ill");
        }
        Health::healthy()
    }

    async fn stop(&self) -> Result<(), BoxError> {
        self.shop.note(format!("stop {}", self.name()));
        if self.stopped.swap(true, SeqCst) {
            self.shop
                .wrong(format!("{} was stopped twice", self.name()));
        }
        self.act(Step::Stop).await
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.shop.inside.alive.fetch_sub(1, SeqCst);
        if self.initialized.load(SeqCst) && !self.stopped.load(SeqCst) {
            self.shop.wrong(format!(
                "{} was dropped without being stopped",
                self.recipe.manifest.name
            ));
        }
        if matches!(self.recipe.acts.get(&Step::Drop), Some(Act::Panic))
            && !std::thread::panicking()
        {
            panic!("told to panic");
        }
    }
}

pub(crate) fn id(name: &str) -> ModId {
    ModId::new(name).unwrap()
}

pub(crate) fn path(name: &str) -> ModPath {
    ModPath::new(&format!("test.{name}")).unwrap()
}

pub(crate) fn config(value: Value) -> ResolvedConfig {
    ResolvedConfig::verbatim(&PortableConfig::from_value(value).unwrap())
}

pub(crate) fn desired(name: &str) -> Desired {
    Desired {
        permissions: Permissions::parse(["service:*"]).unwrap(),
        ..Desired::new(id(name), path(name), config(json!({})))
    }
}

pub(crate) fn desired_all(names: &[&str]) -> Vec<Desired> {
    names.iter().map(|name| desired(name)).collect()
}

pub(crate) fn event(name: &str) -> ModEvent {
    ModEvent::new(EventName::new(name).unwrap(), "alice", Map::new())
}

/// Waits until something holds, and fails when it has not for a minute.
pub(crate) async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let minute = Duration::from_mins(1);
    assert!(
        tokio::time::timeout(minute, wait).await.is_ok(),
        "never: {what}"
    );
}

/// The texts of ids.
pub(crate) fn names<'a>(ids: impl IntoIterator<Item = &'a ModId>) -> Vec<String> {
    ids.into_iter().map(ToString::to_string).collect()
}

/// Runs something beside the test, which waits for it in the end.
pub(crate) fn in_background<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    tokio_util::task::TaskTracker::new().spawn(work)
}
