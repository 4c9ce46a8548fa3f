//! A loader whose mods do as their configuration says, and notice what must never be.
//!
//! `{"start": "fail"}` fails in that step; so do `panic`, `hang` and `no` in their ways. All else in a configuration is what a
//! mod answers when it is asked.

use async_trait::async_trait;
use hotbed_mods::{
    BoxError, CommandCall, CommandReply, Context, EventPattern, Health, Manifest, Mod, ModEvent,
    ModLoader, ModPath, OpenError, Package, Placement, Response, Scheme,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, OnceLock};

/// What can be bought: the packages at `test.NAME`. Of each there is a usual one, but of `test.missing…`. Clones are the
/// same shop, and count the mods that came of it together.
#[derive(Clone, Default)]
pub(crate) struct Shop {
    stock: Arc<Mutex<BTreeMap<String, Goods>>>,
    counts: Arc<Counts>,
}

/// What is at a path.
#[derive(Clone)]
pub(crate) struct Goods {
    pub(crate) manifest: Manifest,
    pub(crate) digest: String,
    pub(crate) is_missing: bool,
}

#[derive(Default)]
struct Counts {
    opened: AtomicUsize,
    constructed: AtomicUsize,
    alive: AtomicUsize,
    wrongs: Mutex<Vec<String>>,
}

impl Goods {
    /// A mod that answers `to_NAME.*` and, everywhere, the command `@NAME`.
    pub(crate) fn usual(name: &str) -> Self {
        Self {
            manifest: Manifest {
                name: name.to_owned(),
                version: "1".to_owned(),
                events: vec![EventPattern::new(&format!("to_{name}.*")).unwrap()],
                words: vec![format!("@{name}")],
                scopes: hotbed_mods::Scopes::any(),
                ..Manifest::default()
            },
            digest: "1".to_owned(),
            is_missing: name.starts_with("missing"),
        }
    }
}

impl Shop {
    /// The same goods, and mods of its own.
    pub(crate) fn branch(&self) -> Self {
        Self {
            stock: Arc::clone(&self.stock),
            counts: Arc::default(),
        }
    }

    pub(crate) fn change(&self, name: &str, change: impl FnOnce(&mut Goods)) {
        let mut stock = self.stock.lock().unwrap();
        let goods = stock.entry(name.to_owned());
        change(goods.or_insert_with(|| Goods::usual(name)));
    }

    /// Has a mod depend on others.
    pub(crate) fn bind(&self, name: &str, on: &[&str]) {
        let on = on.iter().map(|on| hotbed_mods::ModId::new(on).unwrap());
        self.change(name, |goods| goods.manifest.dependencies = on.collect());
    }

    /// How often a package was looked at.
    pub(crate) fn opened(&self) -> usize {
        self.counts.opened.load(SeqCst)
    }

    /// How many mods there ever were.
    pub(crate) fn constructed(&self) -> usize {
        self.counts.constructed.load(SeqCst)
    }

    /// How many mods are there now.
    pub(crate) fn alive(&self) -> usize {
        self.counts.alive.load(SeqCst)
    }

    /// Fails if a mod was used before it was initialized or after it was stopped, or was stopped twice or not at all.
    pub(crate) fn assert_sound(&self) {
        let wrongs = self.counts.wrongs.lock().unwrap();
        assert!(wrongs.is_empty(), "{wrongs:?}");
    }
}

#[async_trait]
impl ModLoader for Shop {
    fn scheme(&self) -> Scheme {
        Scheme::BUILT_IN
    }

    async fn open(&self, path: &ModPath) -> Result<Package, OpenError> {
        self.counts.opened.fetch_add(1, SeqCst);
        let name = path.as_str().strip_prefix("test.").unwrap_or_default();
        let goods = {
            let stock = self.stock.lock().unwrap();
            let goods = stock.get(name).cloned();
            goods.unwrap_or_else(|| Goods::usual(name))
        };
        if name.is_empty() || goods.is_missing {
            return Err(OpenError::NotFound {
                path: path.clone(),
                known: vec!["test.*".to_owned()],
            });
        }
        let counts = Arc::clone(&self.counts);
        let construct = move || {
            counts.constructed.fetch_add(1, SeqCst);
            counts.alive.fetch_add(1, SeqCst);
            let told: Arc<dyn Mod> = Arc::new(Told {
                counts,
                context: OnceLock::new(),
                stopped: AtomicBool::new(false),
            });
            Ok(told)
        };
        Ok(Package::new(
            goods.manifest,
            goods.digest,
            Placement::Tasks,
            construct,
        ))
    }
}

/// A mod that does as it is told.
struct Told {
    counts: Arc<Counts>,
    context: OnceLock<Context>,
    stopped: AtomicBool,
}

impl Told {
    async fn act(&self, step: &str) -> Result<bool, BoxError> {
        let told = self.context.get().and_then(|it| it.config().get(step));
        match told.and_then(Value::as_str) {
            Some("fail") => Err("told to fail".into()),
            Some("panic") => panic!("told to panic"),
            Some("hang") => std::future::pending().await,
            Some("no") => Ok(false),
            _ => Ok(true),
        }
    }

    fn used(&self) -> Result<&Context, BoxError> {
        let context = self.context.get().filter(|_| !self.stopped.load(SeqCst));
        context.ok_or_else(|| {
            self.wrong("was used before it was there or after it was stopped");
            "not there".into()
        })
    }

    fn wrong(&self, what: &str) {
        let id = self.context.get().map(|it| it.id().to_string());
        let mut wrongs = self.counts.wrongs.lock().unwrap();
        wrongs.push(format!("{} {what}", id.unwrap_or_default()));
    }
}

#[async_trait]
impl Mod for Told {
    async fn initialize(&self, context: &Context) -> Result<bool, BoxError> {
        if self.context.set(context.clone()).is_err() {
            self.wrong("was initialized twice");
        }
        self.act("initialize").await
    }

    async fn start(&self) -> Result<(), BoxError> {
        self.act("start").await.map(drop)
    }

    async fn handle(&self, _: &ModEvent) -> Result<Option<Response>, BoxError> {
        let context = self.used()?;
        self.act("handle").await?;
        let config = Value::Object(context.config().as_map().clone());
        let said = format!("{}@{}", context.id(), context.generation());
        Ok(Some(Response::ok(said, config)))
    }

    async fn command(&self, call: &CommandCall) -> Result<Option<CommandReply>, BoxError> {
        let context = self.used()?;
        let text = format!("{} did {}", context.id(), call.command);
        Ok(Some(CommandReply::text(text)))
    }

    async fn health(&self) -> Health {
        match self.act("health").await {
            Ok(true) => Health::healthy(),
            _ => Health::unhealthy("told to be ill"),
        }
    }

    async fn stop(&self) -> Result<(), BoxError> {
        if self.stopped.swap(true, SeqCst) {
            self.wrong("was stopped twice");
        }
        self.act("stop").await.map(drop)
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.counts.alive.fetch_sub(1, SeqCst);
        if self.context.get().is_some() && !self.stopped.load(SeqCst) {
            self.wrong("was dropped without being stopped");
        }
    }
}
