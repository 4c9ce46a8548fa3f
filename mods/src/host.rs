//! Keeps running what is desired.

mod build;
mod mutate;
mod watch;

use crate::command::{self, CommandOutcome, Direction, Post, ScopeChange};
use crate::desired::Desired;
use crate::dispatch::{Dispatched, dispatch};
use crate::error::{LoadError, StopError, UnloadError};
use crate::event::ModEvent;
use crate::id::ModId;
use crate::manifest::Manifest;
use crate::notice::Notice;
use crate::open;
use crate::path::ModPath;
use crate::report::Report;
use crate::scopes::Scopes;
use crate::service::ServiceInfo;
use crate::shared::Shared;
use crate::status::ModStatus;
use crate::survey::Discovery;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast;

pub use build::HostBuilder;
pub use watch::Leftovers;

/// Keeps running what is desired: loads, renews and unloads mods while everything else goes on, and takes events and
/// commands to them.
///
/// # Guarantees
///
/// - One writer: what changes the mods is done one after the other, whoever asks. Readers take what is in service at that
///   moment and never wait for it.
/// - A new generation is built beside the one in service and takes its place only when it is proven. One that fails
///   leaves everything as it was.
/// - What began in a generation ends in it. A generation is stopped once, after its last call or its drain deadline.
/// - What a mod does or does not do harms no mod but those that depend on it.
/// - A mutation goes on when whoever asked for it goes away.
///
/// Clones are handles to the same host. Methods need a tokio runtime; tests may pause its time.
#[derive(Clone)]
pub struct ModHost {
    shared: Arc<Shared>,
}

/// What was unloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unloaded {
    /// The mods, in the order in which they were stopped.
    pub ids: Vec<ModId>,
    /// What did not go as it should. The mods are gone all the same.
    pub troubles: Vec<String>,
}

/// The mods in service behind whose paths there is something else by now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outdated {
    /// Those.
    pub ids: Vec<ModId>,
    /// Those of which nobody knows, and why.
    pub unread: BTreeMap<ModId, String>,
}

/// What happens to those that depend on a mod that is unloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cascade {
    /// The mod is not unloaded while there are any.
    Refuse,
    /// They are unloaded with it.
    Dependents,
}

impl ModHost {
    /// A host without mods.
    pub fn builder() -> HostBuilder {
        HostBuilder::new()
    }

    /// Makes what runs what is desired, as far as that can be done, and says what was done. Doing it twice does nothing
    /// the second time.
    ///
    /// A mod that failed is tried again when it is desired otherwise, or its wait is over (see [`run`](Self::run)).
    /// Returns when the new is in service and the old is not found any more; what the old ones had begun ends by itself,
    /// see [`retired`](Self::retired). Of two entries with one id the first counts.
    pub async fn reconcile(&self, desired: Vec<Desired>) -> Report {
        self.make(desired, Discovery::DesiredState).await
    }

    /// The same, and tries again what failed, whether or not its wait is over.
    pub async fn try_again(&self, desired: Vec<Desired>) -> Report {
        self.make(desired, Discovery::Failures).await
    }

    /// The same, and asks the loaders what is behind every path now, so that what was changed there is renewed too.
    pub async fn rediscover(&self, desired: Vec<Desired>) -> Report {
        self.make(desired, Discovery::Packages).await
    }

    /// What is behind the paths of the mods in service by now.
    pub async fn outdated(&self) -> Outdated {
        self.seek().await
    }

    /// What [`rediscover`](Self::rediscover) would do, as far as that can be told before any mod has run: nothing is
    /// changed.
    pub async fn plan(&self, desired: Vec<Desired>) -> Report {
        self.survey(desired).await
    }

    /// Adds a mod to what is desired, and makes it run. A clash is refused before anything of it is constructed; one that
    /// fails is not desired any more.
    pub async fn load(&self, desired: Desired) -> Result<ModStatus, LoadError> {
        self.add(desired).await
    }

    /// Takes a mod out of what is desired, by exactly its id or exactly its path, and returns when it is stopped.
    pub async fn unload(&self, name: &str, cascade: Cascade) -> Result<Unloaded, UnloadError> {
        self.remove(name, cascade).await
    }

    /// Builds a new generation of one mod, by exactly its id or exactly its path, and of those that depend on it.
    pub async fn reload(&self, name: &str) -> Result<Report, UnloadError> {
        self.renew(name).await
    }

    /// Stops every mod, dependents before what they depend on, and accepts no change any more. What does not end before
    /// the deadline is named and left alone.
    pub async fn stop(&self, deadline: Duration) -> Result<(), StopError> {
        self.close(deadline).await
    }

    /// The id that a mod at this path has: the one of its manifest, or of the path's last segment.
    pub async fn identify(&self, path: &ModPath) -> Result<ModId, LoadError> {
        match self.manifest(path).await?.id {
            Some(id) => Ok(id),
            None => Ok(path.to_id()?),
        }
    }

    /// What is behind a path says of itself. None of it runs.
    pub async fn manifest(&self, path: &ModPath) -> Result<Manifest, LoadError> {
        let package = open::read(&self.shared, path).await;
        let package = package.map_err(|unread| {
            let (name, message) = (path.to_string(), unread.message);
            match unread.module {
                Some(module) => LoadError::NoModule {
                    name,
                    module,
                    message,
                },
                None => LoadError::Failed { name, message },
            }
        })?;
        Ok(package.manifest)
    }

    /// Says whether a mod could be built as desired, as far as that can be told before any of it has run: for whoever
    /// writes the desired state, before the write. Whether its id is free and its dependencies are there is not looked at.
    pub async fn check(&self, desired: &Desired) -> Result<Arc<Manifest>, LoadError> {
        let opened = open::open(&self.shared, desired).await;
        let opened = opened.map_err(|message| LoadError::Failed {
            name: desired.id.to_string(),
            message,
        })?;
        Ok(opened.manifest)
    }

    /// Those that depend on a mod and are in service, directly or through others. Waits for a mutation under way.
    pub async fn dependents(&self, id: &ModId) -> Vec<ModId> {
        self.shared.book.lock().await.dependents(id)
    }

    /// Takes an event to the mods that want it. It goes on to its end when the caller goes away.
    pub async fn dispatch(&self, event: ModEvent) -> Dispatched {
        let correlation_id = Arc::clone(&event.correlation_id);
        let job = self
            .shared
            .jobs
            .spawn(dispatch(Arc::clone(&self.shared), event));
        job.await.unwrap_or_else(|error| {
            tracing::error!(%error, "an event was lost");
            Dispatched {
                outcome: crate::Outcome::Unanswered,
                failures: Vec::new(),
                correlation_id,
            }
        })
    }

    /// Does the commands in a post, as far as mods do them; the rest is told as what is to be done. It goes on to its end
    /// when the caller goes away.
    pub async fn command(&self, post: Post) -> CommandOutcome {
        let job = self
            .shared
            .jobs
            .spawn(command::run(Arc::clone(&self.shared), post));
        job.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a post was lost");
            CommandOutcome::default()
        })
    }

    /// What is to be changed when nobody listens in a channel any more: no mod stays bound to it.
    pub fn leave_channel(&self, channel: &str) -> Vec<ScopeChange> {
        if channel == Scopes::ANY {
            // Only a channel of that name is left, and not all of them.
            return Vec::new();
        }
        let statuses = self.statuses().into_iter();
        let bound = statuses.filter(|status| status.scopes.iter().any(|scope| scope == channel));
        bound
            .map(|status| ScopeChange {
                id: status.id,
                scope: channel.to_owned(),
                direction: Direction::Unbind,
            })
            .collect()
    }

    /// The status of every mod that is desired or not gone yet, by id.
    pub fn statuses(&self) -> Vec<ModStatus> {
        self.shared.board.statuses()
    }

    /// The status of one mod.
    pub fn status(&self, id: &str) -> Option<ModStatus> {
        self.shared.board.status(id)
    }

    /// The services that can be required now.
    pub fn services(&self) -> Vec<ServiceInfo> {
        let mut services = self.shared.host_services.list(None);
        for entry in self.shared.table.now().pipeline() {
            services.extend(entry.lease.provided.list(Some(&entry.lease.id)));
        }
        services
    }

    /// Hears of every mod that comes, goes, is renewed or fails from now on. A listener that falls far behind loses the
    /// oldest.
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        self.shared.notices.subscribe()
    }
}

impl fmt::Debug for ModHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModHost").finish_non_exhaustive()
    }
}
