//! Writes that a client may send again without their being done twice.

use crate::fault::{Fault, Kind};
use axum::http::HeaderMap;
use axum::http::header::HeaderName;
use hotbed_registry::{Id, Revision};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// By which a client names a write.
pub(crate) const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Writes that are remembered; beyond it the oldest is forgotten.
const REMEMBERED: usize = 16_384;
/// The longest name, in bytes.
const MAX_KEY: usize = 128;

/// The newest writes that clients gave a name. Lives as long as the process: a client that comes back after that, or to
/// another node, is not recognised, and its precondition decides.
#[derive(Debug, Default)]
pub(crate) struct NamedWrites(Mutex<Named>);

#[derive(Debug, Default)]
struct Named {
    writes: HashMap<Name, Progress>,
    /// Those that are done, oldest first.
    done: VecDeque<Name>,
}

type Name = (Arc<str>, Id);

#[derive(Debug, Clone, Copy)]
enum Progress {
    UnderWay,
    Done(Revision),
}

/// What is known of a write.
#[derive(Debug)]
pub(crate) enum Sent {
    /// It has no name, or one that was not seen before: do it.
    New(Option<Begun>),
    /// It was done before.
    Done(Revision),
}

/// A write that is under way under its name, until this is dropped.
#[derive(Debug)]
pub(crate) struct Begun {
    named: Arc<NamedWrites>,
    name: Name,
}

impl NamedWrites {
    /// Whether this write is to be done. A write that is under way under the same name is refused for now.
    pub(crate) fn begin(self: &Arc<Self>, headers: &HeaderMap, id: &Id) -> Result<Sent, Fault> {
        let Some(key) = key(headers)? else {
            return Ok(Sent::New(None));
        };
        let name = (key, id.clone());
        let mut named = self.named();
        match named.writes.get(&name) {
            Some(Progress::Done(revision)) => return Ok(Sent::Done(*revision)),
            Some(Progress::UnderWay) => {
                let detail = "this write is under way: send it again in a moment to be told of it";
                let wait = Duration::from_secs(1);
                return Err(Fault::new(Kind::Unavailable, detail).retry_after(wait));
            }
            None => {}
        }
        named.writes.insert(name.clone(), Progress::UnderWay);
        Ok(Sent::New(Some(Begun {
            named: Arc::clone(self),
            name,
        })))
    }

    fn named(&self) -> MutexGuard<'_, Named> {
        // Consistent between any two lines that could panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Begun {
    /// Remembers that it was done, and what it made.
    pub(crate) fn done(self, revision: Revision) {
        let mut named = self.named.named();
        let name = self.name.clone();
        named.writes.insert(name.clone(), Progress::Done(revision));
        named.done.push_back(name);
        if named.done.len() > REMEMBERED
            && let Some(oldest) = named.done.pop_front()
        {
            named.writes.remove(&oldest);
        }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let mut named = self.named.named();
        if matches!(named.writes.get(&self.name), Some(Progress::UnderWay)) {
            named.writes.remove(&self.name);
        }
    }
}

fn key(headers: &HeaderMap) -> Result<Option<Arc<str>>, Fault> {
    let Some(value) = headers.get(KEY) else {
        return Ok(None);
    };
    let text = value.to_str().ok();
    match text {
        Some(text)
            if (1..=MAX_KEY).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_graphic()) =>
        {
            Ok(Some(text.into()))
        }
        _ => Err(Fault::new(
            Kind::BadRequest,
            format!("Idempotency-Key is not 1 to {MAX_KEY} visible ASCII characters"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(key: &str) -> HeaderMap {
        HeaderMap::from_iter([(KEY, key.parse().unwrap())])
    }

    fn begun(named: &Arc<NamedWrites>, key: &str, id: &Id) -> Begun {
        match named.begin(&headers(key), id) {
            Ok(Sent::New(Some(begun))) => begun,
            other => panic!("it is new: {other:?}"),
        }
    }

    #[test]
    fn a_write_is_known_by_its_name_and_its_id_once_it_is_done() {
        let (named, a, b) = (Arc::default(), Id::new("a").unwrap(), Id::new("b").unwrap());
        begun(&named, "k", &a).done(Revision(7));
        assert!(matches!(
            named.begin(&headers("k"), &a),
            Ok(Sent::Done(Revision(7)))
        ));
        drop(begun(&named, "k", &b));
        drop(begun(&named, "l", &a));
        assert!(matches!(
            named.begin(&HeaderMap::new(), &a),
            Ok(Sent::New(None))
        ));
        assert!(named.begin(&headers("a key"), &a).is_err());
    }

    #[test]
    fn a_write_under_way_is_neither_done_twice_nor_known_before_its_end() {
        let (named, id) = (Arc::default(), Id::new("a").unwrap());
        let first = begun(&named, "k", &id);
        assert!(named.begin(&headers("k"), &id).is_err());
        drop(first);
        drop(begun(&named, "k", &id));
    }

    #[test]
    fn only_the_newest_are_remembered() {
        let (named, id) = (Arc::default(), Id::new("a").unwrap());
        for n in 0..=REMEMBERED {
            begun(&named, &n.to_string(), &id).done(Revision(1));
        }
        drop(begun(&named, "0", &id));
        assert!(matches!(named.begin(&headers("1"), &id), Ok(Sent::Done(_))));
        assert_eq!(named.named().writes.len(), REMEMBERED);
    }
}
