//! Services: what mods do for the mods that depend on them.

use crate::id::ModId;
use std::any::{Any, type_name};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Why a service is not handed out or taken in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// The mod was not granted it.
    #[error("mod `{id}` may not use service `{name}`: grant it `service:{name}`")]
    NotPermitted {
        /// Who asks.
        id: ModId,
        /// For what.
        name: String,
    },
    /// Neither the host nor a mod that it depends on provides it.
    #[error(
        "neither the host nor a mod that `{id}` depends on provides service `{name}`: name the mod that does among its dependencies"
    )]
    NotProvided {
        /// Who asks.
        id: ModId,
        /// For what.
        name: String,
    },
    /// It is there, and of another type.
    #[error("service `{name}` is of type `{provided}`, and mod `{id}` wants `{wanted}`")]
    WrongType {
        /// Who asks.
        id: ModId,
        /// For what.
        name: String,
        /// What it is.
        provided: &'static str,
        /// What was wanted.
        wanted: &'static str,
    },
    /// There is one of this name already.
    #[error("mod `{id}` provides service `{name}` twice")]
    Twice {
        /// Who provides.
        id: ModId,
        /// What.
        name: String,
    },
    /// The mod does not come up any more, so what needs it has been decided.
    #[error("mod `{id}` cannot provide service `{name}` now: provide it before `start` returns")]
    TooLate {
        /// Who provides.
        id: ModId,
        /// What.
        name: String,
    },
}

/// One service that is provided, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceInfo {
    /// Its name.
    pub name: String,
    /// The mod that provides it; `None` is the host.
    pub provider: Option<ModId>,
    /// The Rust type of what is handed out.
    pub type_name: &'static str,
}

/// A service of any type.
#[derive(Clone)]
struct Service {
    value: Arc<dyn Any + Send + Sync>,
    type_name: &'static str,
}

/// The services of one provider: of the host, or of one generation of a mod.
#[derive(Default)]
pub(crate) struct Provided {
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    services: BTreeMap<String, Service>,
    sealed: bool,
}

/// What was taken back, and whether somebody holds it still.
#[derive(Debug)]
pub(crate) struct TakenBack {
    pub(crate) name: String,
    value: Weak<dyn Any + Send + Sync>,
}

/// What a look-up among the services of one provider gave.
pub(crate) enum Found<T> {
    Service(Arc<T>),
    OfType(&'static str),
    Nothing,
}

impl Provided {
    /// False if there is one of this name.
    pub(crate) fn put<T: Any + Send + Sync>(&self, name: &str, value: Arc<T>) -> Put {
        let mut inside = self.lock();
        if inside.sealed {
            return Put::Sealed;
        }
        if inside.services.contains_key(name) {
            return Put::Twice;
        }
        let service = Service {
            value,
            type_name: type_name::<T>(),
        };
        inside.services.insert(name.to_owned(), service);
        Put::Done
    }

    pub(crate) fn find<T: Any + Send + Sync>(&self, name: &str) -> Found<T> {
        let found = self.lock().services.get(name).cloned();
        match found {
            None => Found::Nothing,
            Some(service) => match service.value.downcast() {
                Ok(value) => Found::Service(value),
                Err(_) => Found::OfType(service.type_name),
            },
        }
    }

    /// Takes in nothing more.
    pub(crate) fn seal(&self) {
        self.lock().sealed = true;
    }

    /// Hands out nothing more.
    pub(crate) fn take_back(&self) -> Vec<TakenBack> {
        let services = {
            let mut inside = self.lock();
            inside.sealed = true;
            std::mem::take(&mut inside.services)
        };
        services
            .into_iter()
            .map(|(name, service)| TakenBack {
                name,
                value: Arc::downgrade(&service.value),
            })
            .collect()
    }

    pub(crate) fn list(&self, provider: Option<&ModId>) -> Vec<ServiceInfo> {
        let inside = self.lock();
        let services = inside.services.iter();
        services
            .map(|(name, service)| ServiceInfo {
                name: name.clone(),
                provider: provider.cloned(),
                type_name: service.type_name,
            })
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        // Whole at every line.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How putting a service in went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    Done,
    Twice,
    Sealed,
}

impl TakenBack {
    pub(crate) fn is_held(&self) -> bool {
        self.value.strong_count() > 0
    }
}

impl fmt::Debug for Provided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.lock().services.keys()).finish()
    }
}
