//! Writes down which mods are wanted, and says what became of it.

mod agents;
mod commands;
mod edit;
mod find;
mod renew;

use crate::error::ModsError;
use crate::follower::Follower;
use hotbed_configs::PortableConfig;
use hotbed_mods::{Cascade, Desired, Manifest, ModHost, ModId, ModStatus, Report};
use hotbed_registry::{
    ChangeNote, Draft, Error, Id, Precondition, Registration, Registry, Revision,
};
use serde_json::{Map, Value, json};
use std::fmt;
use std::sync::Arc;
use tokio_util::task::TaskTracker;

pub(crate) use renew::RELOAD_MARK;

/// Changes which mods are wanted: in the registry, so on every node.
///
/// # Guarantees
///
/// - What it answers has happened: a method returns when this node runs what was written, or says why it does not. The
///   other nodes follow by themselves.
/// - A change goes on when whoever asked for it goes away.
/// - Two changes at the same time both come about, or one of them says that the other was first.
/// - A mod that is loaded and does not come up is not wanted any more, unless the registry goes away meanwhile, or somebody
///   else writes it: then the error says so. Every other change stays written when the mod does not come up with it: what
///   ran before runs on, and the mod's status says why.
///
/// Clones are the same desk.
#[derive(Clone)]
pub struct Desk {
    inside: Arc<Inside>,
}

struct Inside {
    registry: Registry,
    host: ModHost,
    follower: Arc<Follower>,
    tasks: TaskTracker,
}

/// A mod that is to be loaded. Its configuration may hold secrets, so `Debug` does not show it.
#[derive(Clone)]
pub struct Order {
    /// What it is to be called; `None` leaves it to its manifest and path.
    pub id: Option<ModId>,
    /// What is registered: `path`, and what else a registration of a mod may say.
    pub registration: Map<String, Value>,
    /// What its owners note of it.
    pub metadata: Option<Map<String, Value>>,
    /// Who wants it, and why.
    pub note: ChangeNote,
}

/// One mod: what is registered of it, and how it is on this node.
#[derive(Debug, Clone, PartialEq)]
pub struct ModEntry {
    /// What is registered; `None` for one that leaves.
    pub registration: Option<Registration>,
    /// How it is here; `None` for one that never was anything here.
    pub status: Option<ModStatus>,
    /// Why what is registered is not gone by.
    pub problems: Vec<String>,
    /// What it says of itself, also where it does not run; `None` if nothing is at its path.
    pub manifest: Option<Arc<Manifest>>,
}

impl Desk {
    /// A desk that writes through this door, beside the follower of the same collection.
    pub fn new(registry: Registry, host: ModHost, follower: Arc<Follower>) -> Self {
        Self {
            inside: Arc::new(Inside {
                registry,
                host,
                follower,
                tasks: TaskTracker::new(),
            }),
        }
    }

    /// The host of this node.
    pub fn host(&self) -> &ModHost {
        &self.inside.host
    }

    /// Which revision this node has gone by, of those up to `told`, which it was told of.
    pub fn gone_by(&self, told: Revision) -> Revision {
        self.inside.follower.gone_by(told)
    }

    /// Every mod that is registered, as this node knows it, or not gone yet, by id.
    pub fn entries(&self) -> Vec<(Id, ModEntry)> {
        find::entries(&self.inside)
    }

    /// One mod, by exactly its id or exactly its path. What is registered is read now.
    pub async fn entry(&self, name: &str) -> Result<(Id, ModEntry), ModsError> {
        let inside = &self.inside;
        let id = find::find(inside, name).await?;
        let registration = inside.registry.reader().peek(&id).await?;
        let status = inside.host.status(id.as_str());
        let in_service = status.as_ref().and_then(|it| it.manifest.clone());
        let entry = ModEntry {
            registration,
            status,
            problems: inside.follower.problems().remove(&id).unwrap_or_default(),
            manifest: in_service.or_else(|| inside.follower.manifest(&id)),
        };
        Ok((id, entry))
    }

    /// Registers a mod and makes it run. One that does not come up on this node is taken out again.
    pub async fn load(&self, order: Order) -> Result<(Id, ModEntry), ModsError> {
        let id = self.to_the_end(|inside| load(inside, order)).await?;
        self.entry(id.as_str()).await
    }

    /// Takes a mod out of the registry, by exactly its id or exactly its path, if the precondition holds for it, and
    /// returns when it is stopped on this node. Answers what was taken out, dependents first.
    pub async fn unload(
        &self,
        name: &str,
        cascade: Cascade,
        when: Precondition,
        note: ChangeNote,
    ) -> Result<Vec<Id>, ModsError> {
        let name = name.to_owned();
        self.to_the_end(|inside| unload(inside, name, cascade, when, note))
            .await
    }

    /// Has every node build a new generation of a mod, by exactly its id or exactly its path. Fails if this node cannot; what
    /// ran before runs on then.
    pub async fn reload(&self, name: &str, note: ChangeNote) -> Result<(Id, ModEntry), ModsError> {
        let id = find::find(&self.inside, name).await?;
        let of = id.clone();
        self.to_the_end(|inside| async move { renew::one(&inside, &of, note).await })
            .await?;
        self.entry(id.as_str()).await
    }

    /// Asks what is behind the path of every mod now, and makes run what is registered. What is another by now than what runs
    /// on this node is built anew on every node.
    pub async fn reload_changed(&self, note: ChangeNote) -> Result<Report, ModsError> {
        self.to_the_end(|inside| async move { renew::changed(&inside, note).await })
            .await
    }

    /// What [`reload_changed`](Self::reload_changed) would do.
    pub async fn plan(&self) -> Result<Report, ModsError> {
        Ok(self.inside.follower.plan().await?)
    }

    /// Lets a mod run.
    pub async fn enable(&self, name: &str, note: ChangeNote) -> Result<(Id, ModEntry), ModsError> {
        let id = find::find(&self.inside, name).await?;
        let of = id.clone();
        self.to_the_end(|inside| async move {
            let on = |registered: &mut Map<String, Value>| {
                registered.insert("enabled".to_owned(), json!(true));
            };
            edit::edit(&inside, &of, Precondition::Any, note.clone(), on).await?;
            // It may be out of service as any registration may.
            let registry = inside.registry.noting(note);
            match registry.activate(&of, Precondition::Any).await {
                Err(Error::NotFound { id }) => {
                    return Err(ModsError::NotLoaded {
                        name: id.to_string(),
                    });
                }
                activated => drop(activated?),
            }
            inside.follower.settled().await?;
            Ok(())
        })
        .await?;
        self.entry(id.as_str()).await
    }

    /// Keeps a mod from running. Its registration stays. Refused while others depend on it and run.
    pub async fn disable(&self, name: &str, note: ChangeNote) -> Result<(Id, ModEntry), ModsError> {
        let inside = &self.inside;
        let id = find::find(inside, name).await?;
        find::refuse_if_needed(inside, &id).await?;
        self.edit(id.as_str(), Precondition::Any, note, |registered| {
            registered.insert("enabled".to_owned(), json!(false));
        })
        .await
    }

    /// Replaces what is registered of a mod, or registers it, if the precondition holds. Held against the mod's own form
    /// first: what does not fit is refused, and nothing is written.
    pub async fn put(
        &self,
        id: &Id,
        registration: Map<String, Value>,
        metadata: Option<Map<String, Value>>,
        when: Precondition,
        note: ChangeNote,
    ) -> Result<(Id, ModEntry), ModsError> {
        let (name, id) = (id.clone(), id.clone());
        self.to_the_end(|inside| async move {
            let config = portable(registration)?;
            edit::prove(&inside, &id, None, &config).await?;
            let draft = Draft {
                metadata,
                ..Draft::active(config)
            };
            renew::put_marked(&inside, &id, draft, when, note).await?;
            inside.follower.settled().await?;
            Ok(())
        })
        .await?;
        self.entry(name.as_str()).await
    }

    /// Changes what is registered of a mod, by exactly its id or exactly its path: what `change` makes of it as it is at
    /// the time of the write. Where the mod would be built from something else, that is held against its own form first.
    pub async fn edit(
        &self,
        name: &str,
        when: Precondition,
        note: ChangeNote,
        change: impl Fn(&mut Map<String, Value>) + Send + Sync + 'static,
    ) -> Result<(Id, ModEntry), ModsError> {
        let id = find::find(&self.inside, name).await?;
        let of = id.clone();
        self.to_the_end(|inside| async move {
            edit::edit(&inside, &of, when, note, change).await?;
            inside.follower.settled().await?;
            Ok(())
        })
        .await?;
        self.entry(id.as_str()).await
    }

    /// Waits until every change that began has ended.
    pub async fn drain(&self) {
        self.inside.tasks.close();
        self.inside.tasks.wait().await;
    }

    /// Does something in a task of its own, so that whoever goes away does not cut it in two.
    async fn to_the_end<T, F, Fut>(&self, work: F) -> Result<T, ModsError>
    where
        T: Send + 'static,
        F: FnOnce(Arc<Inside>) -> Fut,
        Fut: Future<Output = Result<T, ModsError>> + Send + 'static,
    {
        let work = work(Arc::clone(&self.inside));
        let done = self.inside.tasks.spawn(work).await;
        done.unwrap_or_else(|error| {
            tracing::error!(%error, "a change of mods was cut off");
            Err(ModsError::Failed {
                message: "something is wrong inside: the log says what".to_owned(),
            })
        })
    }
}

async fn load(inside: Arc<Inside>, order: Order) -> Result<Id, ModsError> {
    let Order {
        id,
        registration,
        metadata,
        note,
    } = order;
    let config = portable(registration)?;
    let desired = edit::read(&inside, ModId::new("new")?, &config).await?;
    let mod_id = match id {
        Some(id) => id,
        None => inside.host.identify(&desired.path).await?,
    };
    let id = Id::new(mod_id.as_str()).map_err(Error::from)?;
    find::refuse_if_taken(&inside, &mod_id, &desired.path).await?;
    let desired = Desired {
        id: mod_id.clone(),
        ..desired
    };
    edit::fits(&inside, &desired).await?;
    let draft = Draft {
        metadata,
        ..Draft::active(config)
    };
    let registry = inside.registry.noting(note);
    let written = match registry.put(&id, draft, Precondition::Absent).await {
        Ok(written) => written.registration.revision,
        Err(Error::Conflict { .. }) => {
            // Somebody else was first: with the same, or with another.
            find::refuse_if_taken(&inside, &mod_id, &desired.path).await?;
            return Err(ModsError::Clash { id: mod_id });
        }
        Err(error) => return Err(error.into()),
    };
    inside.follower.settled().await?;
    match why_not_running(&inside, &id, written) {
        Some(message) if desired.enabled => {
            let message = take_out_again(&inside, &registry, &id, written, message).await;
            Err(ModsError::Failed { message })
        }
        _ => Ok(id),
    }
}

/// Why a mod that should run since this revision does not.
fn why_not_running(inside: &Inside, id: &Id, written: Revision) -> Option<String> {
    if let Some(problems) = inside.follower.problems().remove(id) {
        return Some(problems.join("; "));
    }
    let Some(status) = inside.host.status(id.as_str()) else {
        return Some("it was unloaded meanwhile".to_owned());
    };
    // What somebody made of it since may have failed: that is told to them.
    let came_up = status.revision >= Some(written.0) || status.error.is_none();
    if status.generation.is_some() && came_up {
        return None;
    }
    let otherwise = if status.enabled {
        "it is stopped"
    } else {
        "it was disabled or unloaded meanwhile"
    };
    Some(status.error.unwrap_or_else(|| otherwise.to_owned()))
}

/// Takes out what did not come up, unless somebody wrote it anew meanwhile, who will be told. Answers what is to be said.
async fn take_out_again(
    inside: &Inside,
    registry: &Registry,
    id: &Id,
    written: Revision,
    message: String,
) -> String {
    match registry.delete(id, Precondition::At(written)).await {
        Ok(_) | Err(Error::NotFound { .. } | Error::Conflict { actual: None, .. }) => {}
        Err(Error::Conflict { .. }) => {
            return format!("{message}; and it stays registered, for it was changed meanwhile");
        }
        Err(error) => {
            let why = ModsError::from(error).told();
            return format!("{message}; and it may stay registered: {why}");
        }
    }
    // What is left of it is gone before it is answered that nothing is.
    match inside.follower.settled().await {
        Ok(()) => message,
        Err(unsettled) => {
            let why = ModsError::from(unsettled).told();
            format!("{message}; and it is taken out, but {why}")
        }
    }
}

async fn unload(
    inside: Arc<Inside>,
    name: String,
    cascade: Cascade,
    when: Precondition,
    note: ChangeNote,
) -> Result<Vec<Id>, ModsError> {
    let id = find::find(&inside, &name).await?;
    let mut going = match cascade {
        Cascade::Refuse => {
            find::refuse_if_needed(&inside, &id).await?;
            Vec::new()
        }
        Cascade::Dependents => {
            // Before anybody goes who needs it.
            edit::hold(&inside, &id, when).await?;
            find::dependents_first(&inside, &id).await?
        }
    };
    going.push(id.clone());
    let registry = inside.registry.noting(note);
    let mut gone = Vec::new();
    for next in going {
        let when = if next == id { when } else { Precondition::Any };
        match registry.delete(&next, when).await {
            Ok(_) => gone.push(next),
            // Of a dependent: somebody else was first.
            Err(Error::NotFound { .. }) if next != id => {}
            Err(Error::NotFound { .. }) if gone.is_empty() => {
                return Err(ModsError::NotLoaded { name });
            }
            Err(Error::NotFound { .. }) => {}
            Err(error) if gone.is_empty() => return Err(error.into()),
            Err(error) => {
                let names: Vec<&str> = gone.iter().map(Id::as_str).collect();
                let why = ModsError::from(error).told();
                let message = format!("{} went, '{next}' did not: {why}", names.join(", "));
                return Err(ModsError::Failed { message });
            }
        }
    }
    inside.follower.settled().await?;
    for gone in &gone {
        inside.host.retired(gone.as_str()).await;
    }
    Ok(gone)
}

fn portable(registration: Map<String, Value>) -> Result<PortableConfig, ModsError> {
    PortableConfig::from_map(registration).map_err(|error| ModsError::Invalid {
        problems: vec![error.to_string()],
    })
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Order")
            .field("id", &self.id)
            .field("keys", &self.registration.keys())
            .field("note", &self.note)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}
