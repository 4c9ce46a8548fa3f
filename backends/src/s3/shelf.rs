use super::version::Version;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of objects that are kept at hand.
const ROOM: usize = 16 * 1024 * 1024;

/// The versions that were read or written last, by their keys. None ever changes.
#[derive(Debug, Default)]
pub(super) struct Shelf(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    versions: HashMap<String, Arc<Version>>,
    /// In the order in which they came.
    keys: VecDeque<String>,
    size: usize,
}

impl Shelf {
    pub(super) fn get(&self, key: &str) -> Option<Arc<Version>> {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.versions.get(key).cloned()
    }

    pub(super) fn put(&self, key: String, version: Arc<Version>) {
        let inner = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let size = cost(&key, &version);
        if size > ROOM / 4 || inner.versions.contains_key(&key) {
            return;
        }
        inner.size += size;
        inner.keys.push_back(key.clone());
        inner.versions.insert(key, version);
        while inner.size > ROOM {
            let Some(oldest) = inner.keys.pop_front() else {
                break;
            };
            if let Some(version) = inner.versions.remove(&oldest) {
                inner.size -= cost(&oldest, &version);
            }
        }
    }
}

fn cost(key: &str, version: &Version) -> usize {
    // What a parsed value takes beyond its text.
    2 * key.len() + 4 * version.size
}
