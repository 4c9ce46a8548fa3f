//! What was asked of a fleet, and what it said. All times are since the fleet began to serve.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// One life of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Process {
    pub(super) node: usize,
    /// Counts its starts.
    pub(super) start: usize,
}

/// Between these two moments something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: Duration,
    pub(super) to: Duration,
}

/// A bot was asked, or a registration was read.
#[derive(Debug, Clone)]
pub(super) struct Read {
    pub(super) process: Process,
    pub(super) span: Span,
    pub(super) how: How,
    pub(super) id: String,
    pub(super) min_revision: Option<u64>,
    pub(super) seen: Seen,
    /// The answer says that it is of the last good instance.
    pub(super) degraded: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// `POST …/chat`: the instance answers.
    Chat,
    /// `GET …`: the registration as it is stored.
    Stored,
}

/// What a reader saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// It is there, in or out of service.
    At { revision: u64, value: Option<u64> },
    /// There is no such id.
    Gone,
    /// The node is only so far yet.
    Behind(u64),
    /// Any other answer.
    Refused { status: u16, text: String },
    /// No answer.
    Unanswered(String),
}

/// Somebody wanted to change a registration.
#[derive(Debug, Clone)]
pub(super) struct Write {
    pub(super) process: Process,
    pub(super) span: Span,
    pub(super) id: String,
    /// The revision that it was to replace; none if the id was not to exist.
    pub(super) base: Option<u64>,
    pub(super) op: Op,
    pub(super) outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    /// A value that no other write has.
    Put {
        value: u64,
        active: bool,
    },
    Delete,
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is done, at this revision.
    Done(u64),
    /// Somebody else wrote first: it is not done.
    Refused,
    /// Nobody said.
    Unknown,
}

/// A node was asked how it is.
#[derive(Debug, Clone)]
pub(super) struct Look {
    pub(super) process: Process,
    pub(super) span: Span,
    pub(super) stale: bool,
}

/// Why a node cannot be expected to answer, or to hear anything of the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It does not run.
    Down,
    /// Nothing passes between it and the registry.
    CutOff,
}

/// An entry of the registry's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) revision: u64,
    pub(super) id: String,
    pub(super) deleted: bool,
}

/// Everything that was noted of one fleet.
#[derive(Debug, Default, Clone)]
pub(super) struct Record {
    pub(super) reads: Vec<Read>,
    pub(super) writes: Vec<Write>,
    pub(super) looks: Vec<Look>,
    pub(super) troubles: Vec<(usize, Trouble, Span)>,
    /// How a node failed to converge.
    pub(super) laggards: Vec<String>,
    /// The whole log, at the end.
    pub(super) log: Vec<Entry>,
}

/// Where those who watch a fleet write down what they see.
#[derive(Debug, Default)]
pub(super) struct Recorder(Mutex<Record>);

impl Recorder {
    pub(super) fn note(&self, note: impl FnOnce(&mut Record)) {
        note(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn finish(self) -> Record {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Span {
    pub(super) fn overlaps(self, other: Self) -> bool {
        self.from <= other.to && other.from <= self.to
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {} start {}", self.node, self.start)
    }
}

impl fmt::Display for Read {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            process,
            span: Span { from, to },
            how,
            id,
            min_revision,
            seen,
            ..
        } = self;
        write!(f, "{how:?} of {id} on {process}, {from:?} to {to:?}")?;
        if let Some(demanded) = min_revision {
            write!(f, ", demanding {demanded}")?;
        }
        write!(f, ": {seen:?}")
    }
}
