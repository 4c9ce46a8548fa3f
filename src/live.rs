//! The parts of a running server that changed settings and a changed environment reach.

use crate::log::Log;
use crate::settings::Settings;
use hotbed::cache::CachingRegistryManager;
use hotbed::configs::{ConfigSchema, Environment};
use hotbed::hotreload::Handle;
use hotbed_bots::Bot;
use hotbed_desk::Follower;
use hotbed_server::Limits;
use std::sync::Arc;
use tokio::sync::watch;

/// A running server, as far as it can be changed.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) log: Log,
    pub(crate) bots: Arc<CachingRegistryManager<Bot>>,
    pub(crate) hot_reload: Handle,
    pub(crate) mods: Arc<Follower>,
    pub(crate) mods_reload: Handle,
    pub(crate) limits: watch::Sender<Limits>,
}

impl Live {
    /// Goes by other settings from now on. All of them can be changed, or none is: then it says which need a restart.
    pub(crate) fn settings(&self, before: &Settings, after: &Settings) -> Result<(), String> {
        let room = self.limits.borrow().body_memory;
        let largest = bytes(after.max_body_bytes);
        if largest > room && after.max_body_bytes != before.max_body_bytes {
            return Err(format!(
                "settings.max_body_bytes needs a restart: bodies of more than {room} bytes have no room until then"
            ));
        }
        if after.log != before.log {
            self.log
                .change(&after.log)
                .map_err(|error| format!("settings.log_level: {error:#}"))?;
        }
        // Where the registry is not polled, the interval means nothing, before and after.
        self.hot_reload.poll_every(after.poll_interval);
        self.mods_reload.poll_every(after.poll_interval);
        if (after.cache_capacity, after.cache_ttl) != (before.cache_capacity, before.cache_ttl) {
            self.bots.resize(after.cache_capacity, after.cache_ttl);
        }
        self.limits.send_if_modified(|limits| {
            let changes = limits.body_bytes != largest;
            limits.body_bytes = largest;
            changes
        });
        Ok(())
    }

    /// Builds bots and mods in another environment from now on and holds the bots against another schema, and builds those
    /// anew that it makes a difference to.
    pub(crate) fn rebind(&self, environment: Environment, schema: Option<Arc<ConfigSchema>>) {
        let environment = Arc::new(environment);
        self.mods.rebind(Arc::clone(&environment));
        self.bots.rebind(environment, schema);
    }
}

/// A limit as the server counts it.
pub(crate) fn bytes(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
