use crate::destination::Destination;
use crate::emission::{Emission, EmitError, Outbox, Places};
use crate::event::{EventName, ModEvent};
use crate::guard;
use crate::id::ModId;
use crate::path::ModPath;
use crate::permission::Permissions;
use crate::service::{Found, Provided, Put, ServiceError};
use crate::workplace::Workplace;
use hotbed_configs::ResolvedConfig;
use serde_json::{Map, Value};
use std::any::{Any, type_name};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What a generation of a mod has of the host: its configuration, services, tasks, and a way to tell events.
///
/// Clones are handles to the same. After the mod is stopped a handle is of no more use, and harms nobody.
#[derive(Clone)]
pub struct Context {
    inside: Arc<Inside>,
}

pub(crate) struct Inside {
    pub(crate) id: ModId,
    pub(crate) generation: u64,
    pub(crate) path: ModPath,
    pub(crate) config: ResolvedConfig,
    pub(crate) permissions: Permissions,
    pub(crate) host_services: Arc<Provided>,
    /// Of the mods that this one depends on.
    pub(crate) dependencies: Vec<Arc<Provided>>,
    pub(crate) provided: Arc<Provided>,
    pub(crate) outbox: Outbox,
    pub(crate) places: Places,
    pub(crate) workplace: Workplace,
    pub(crate) tasks: TaskTracker,
    /// Counts the tasks of all mods.
    pub(crate) all_tasks: TaskTracker,
    pub(crate) stopped: CancellationToken,
    /// What the generation before kept.
    pub(crate) inherited: Option<Arc<dyn Any + Send + Sync>>,
    pub(crate) kept: Mutex<Option<Arc<dyn Any + Send + Sync>>>,
}

impl Context {
    pub(crate) fn new(inside: Inside) -> Self {
        Self {
            inside: Arc::new(inside),
        }
    }

    /// What the mod is called here.
    pub fn id(&self) -> &ModId {
        &self.inside.id
    }

    /// Which generation this is. A later one has a larger number.
    pub fn generation(&self) -> u64 {
        self.inside.generation
    }

    /// The path it was loaded by.
    pub fn path(&self) -> &ModPath {
        &self.inside.path
    }

    /// The configuration, which fits the form of the manifest.
    pub fn config(&self) -> &ResolvedConfig {
        &self.inside.config
    }

    /// Provides a service to the mods that depend on this one. Possible until `start` has returned; it is taken back when
    /// this generation is stopped.
    pub fn provide<T: Any + Send + Sync>(
        &self,
        name: &str,
        service: Arc<T>,
    ) -> Result<(), ServiceError> {
        let id = || self.inside.id.clone();
        let name = || name.to_owned();
        match self.inside.provided.put(&name(), service) {
            Put::Done => Ok(()),
            Put::Twice => Err(ServiceError::Twice {
                id: id(),
                name: name(),
            }),
            Put::Sealed => Err(ServiceError::TooLate {
                id: id(),
                name: name(),
            }),
        }
    }

    /// A service of the host or of a mod that this one depends on, if this one was granted it.
    pub fn require<T: Any + Send + Sync>(&self, name: &str) -> Result<Arc<T>, ServiceError> {
        let inside = &*self.inside;
        let id = inside.id.clone();
        let name = name.to_owned();
        if !inside.permissions.allow_service(&name) {
            return Err(ServiceError::NotPermitted { id, name });
        }
        for provider in std::iter::once(&inside.host_services).chain(&inside.dependencies) {
            match provider.find(&name) {
                Found::Service(service) => return Ok(service),
                Found::OfType(provided) => {
                    let wanted = type_name::<T>();
                    return Err(ServiceError::WrongType {
                        id,
                        name,
                        provided,
                        wanted,
                    });
                }
                Found::Nothing => {}
            }
        }
        Err(ServiceError::NotProvided { id, name })
    }

    /// What this mod keeps across its generations, a reload or a change of its configuration; made anew by `fresh` if
    /// there is nothing, or something of another type. It is dropped when the mod is unloaded or disabled.
    ///
    /// An older generation may be using it at the same time, and goes on with it if this one does not come up: change
    /// nothing in it before `start` has returned.
    pub fn keep<T: Any + Send + Sync>(&self, fresh: impl FnOnce() -> T) -> Arc<T> {
        let inherited = self.inside.inherited.clone();
        let value = inherited
            .and_then(|inherited| inherited.downcast().ok())
            .unwrap_or_else(|| Arc::new(fresh()));
        let kept: Arc<dyn Any + Send + Sync> = value.clone();
        // One assignment.
        *self
            .inside
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(kept);
        value
    }

    /// Tells an event to agents. Without a grant its name must begin with the id of the mod and a dot. Never waits.
    pub fn emit(
        &self,
        name: EventName,
        payload: Map<String, Value>,
        destination: Destination,
        cause: Option<&ModEvent>,
    ) -> Result<(), EmitError> {
        let inside = &*self.inside;
        let own = name.as_str().strip_prefix(inside.id.as_str());
        let is_own = own.is_some_and(|rest| rest.starts_with('.'));
        if !is_own && !inside.permissions.allow_event(name.as_str()) {
            return Err(EmitError::NotPermitted {
                id: inside.id.clone(),
                name: name.as_str().to_owned(),
            });
        }
        if inside.stopped.is_cancelled() {
            return Err(EmitError::Closed {
                id: inside.id.clone(),
            });
        }
        // First, so that one that floods costs others next to nothing.
        let place = inside.places.take(&inside.id)?;
        let mut event =
            ModEvent::new(name, &format!("mod:{}", inside.path), payload).to(destination);
        if let Some(cause) = cause {
            event = event.correlated(&cause.correlation_id);
        }
        let emission = Emission {
            from: inside.id.clone(),
            generation: inside.generation,
            event,
            except: cause.map(|cause| Arc::clone(&cause.source)),
        };
        inside.outbox.put(emission, place)
    }

    /// Runs a task until it ends or this generation is stopped, whichever is first. It runs where the code of the mod
    /// runs; a panic ends it and nothing else.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stopped = self.inside.stopped.clone();
        let task = async move {
            tokio::select! {
                biased;
                () = stopped.cancelled() => {}
                () = task => {}
            }
        };
        let inside = &*self.inside;
        let task = inside.all_tasks.track_future(task);
        guard::start(
            &inside.tasks,
            &inside.workplace,
            &inside.id.to_shared(),
            task,
        );
    }

    /// Ends when this generation is stopped: for work that wants to end in its own way.
    pub fn stopped(&self) -> CancellationToken {
        self.inside.stopped.clone()
    }

    pub(crate) fn inside(&self) -> &Inside {
        &self.inside
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("id", &self.inside.id)
            .field("generation", &self.inside.generation)
            .finish_non_exhaustive()
    }
}
