//! What happened in a world, in order: a digest of it, and each line printed if somebody wants to read it.

use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Mutex;
use tokio::time::Instant;

#[derive(Debug)]
pub(crate) struct Trace {
    began: Instant,
    /// Of all notes so far. Begins at the same state in every process.
    digest: Mutex<DefaultHasher>,
    is_loud: bool,
}

impl Trace {
    pub(crate) fn new(is_loud: bool) -> Self {
        Self {
            began: Instant::now(),
            digest: Mutex::default(),
            is_loud,
        }
    }

    /// Notes what happens now.
    #[expect(clippy::print_stdout, reason = "whoever replays a seed reads it")]
    pub(crate) fn note(&self, what: impl Hash + Debug) {
        let at = self.began.elapsed();
        let mut digest = self.digest.lock().unwrap();
        at.hash(&mut *digest);
        what.hash(&mut *digest);
        if self.is_loud {
            println!("{:>14.3} {what:?}", at.as_secs_f64());
        }
    }

    /// Two runs in which the same things happened at the same times have the same digest.
    pub(crate) fn digest(&self) -> u64 {
        self.digest.lock().unwrap().finish()
    }

    pub(crate) fn began(&self) -> Instant {
        self.began
    }
}
