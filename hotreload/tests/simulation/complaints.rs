//! What a world should not have seen.

use crate::trace::Trace;
use std::sync::{Arc, Mutex};

#[derive(Debug)]
pub(crate) struct Complaints {
    trace: Arc<Trace>,
    first: Mutex<Option<String>>,
}

impl Complaints {
    pub(crate) fn new(trace: Arc<Trace>) -> Self {
        Self {
            trace,
            first: Mutex::default(),
        }
    }

    pub(crate) fn trace(&self) -> &Trace {
        &self.trace
    }

    pub(crate) fn shared_trace(&self) -> Arc<Trace> {
        Arc::clone(&self.trace)
    }

    /// A node broke a promise. The first one says most: what follows may follow from it.
    pub(crate) fn add(&self, node: usize, what: impl FnOnce() -> String) {
        let at = self.trace.began().elapsed();
        let complaint = format!("node {node} at {:.3} s: {}", at.as_secs_f64(), what());
        self.trace.note(("complaint", &complaint));
        self.first.lock().unwrap().get_or_insert(complaint);
    }

    pub(crate) fn first(&self) -> Option<String> {
        self.first.lock().unwrap().clone()
    }
}
