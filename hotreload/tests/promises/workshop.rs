//! A factory that counts what it makes, and fails or waits when told to.

use async_trait::async_trait;
use hotbed_cache::{BoxError, InstanceFactory};
use hotbed_configs::ResolvedConfig;
use hotbed_registry::{Id, Revision};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use tokio::sync::Semaphore;

/// Makes numbers: no two instances are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Workshop {
    inside: Arc<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    serial: AtomicUsize,
    failing: Mutex<HashSet<String>>,
    gates: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Workshop {
    pub(crate) fn fail(&self, id: &str) {
        self.inside.failing.lock().unwrap().insert(id.to_owned());
    }

    pub(crate) fn mend(&self, id: &str) {
        self.inside.failing.lock().unwrap().remove(id);
    }

    /// Holds builds of an id back; each permit lets one through.
    pub(crate) fn gate(&self, id: &str) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        let mut gates = self.inside.gates.lock().unwrap();
        gates.insert(id.to_owned(), Arc::clone(&gate));
        gate
    }
}

#[async_trait]
impl InstanceFactory<usize> for Workshop {
    async fn create(&self, id: &Id, _: Revision, _: ResolvedConfig) -> Result<usize, BoxError> {
        let serial = self.inside.serial.fetch_add(1, SeqCst);
        let gate = self.inside.gates.lock().unwrap().get(id.as_str()).cloned();
        if let Some(gate) = gate {
            gate.acquire().await?.forget();
        }
        if self.inside.failing.lock().unwrap().contains(id.as_str()) {
            return Err("told to fail".into());
        }
        Ok(serial)
    }
}
