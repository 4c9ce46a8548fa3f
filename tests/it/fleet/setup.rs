use super::timing::{LIVENESS, POLL, READ_DEADLINE};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// What a fleet is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Setup {
    pub(super) registry: RegistryKind,
    pub(super) bus: BusKind,
    pub(super) mode: Mode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RegistryKind {
    /// One file, which all nodes open. No network leads to it.
    Sqlite,
    Postgres,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BusKind {
    /// A bus of each process's own: its writes are told to itself only.
    Memory,
    Redis,
    /// The registry's server.
    Postgres,
    Nats,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Polling,
    EventDriven,
    Hybrid,
}

const REGISTRIES: [(RegistryKind, &str); 2] = [
    (RegistryKind::Sqlite, "sqlite"),
    (RegistryKind::Postgres, "postgres"),
];
const BUSES: [(BusKind, &str); 4] = [
    (BusKind::Memory, "memory"),
    (BusKind::Redis, "redis"),
    (BusKind::Postgres, "postgres"),
    (BusKind::Nats, "nats"),
];
const MODES: [(Mode, &str); 3] = [
    (Mode::Polling, "polling"),
    (Mode::EventDriven, "event-driven"),
    (Mode::Hybrid, "hybrid"),
];

impl Setup {
    /// Every one that makes sense. Events that do not leave a process tell the others nothing: to rely on them alone
    /// is to hear of no change, which is why `event-driven` on `memory` is not here. PostgreSQL carries events for those
    /// who have it as their registry.
    pub(super) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for (registry, _) in REGISTRIES {
            for (bus, _) in BUSES {
                for (mode, _) in MODES {
                    let deaf = (bus, mode) == (BusKind::Memory, Mode::EventDriven);
                    let alone = bus == BusKind::Postgres && registry != RegistryKind::Postgres;
                    if !deaf && !alone {
                        all.push(Self {
                            registry,
                            bus,
                            mode,
                        });
                    }
                }
            }
        }
        all
    }

    /// The word of the command line.
    pub(super) fn mode(self) -> &'static str {
        word(&MODES, self.mode)
    }

    /// How far back a node may be that says it is up to date.
    pub(super) fn trust(self) -> Duration {
        match self.mode {
            Mode::Polling | Mode::Hybrid => 2 * POLL,
            Mode::EventDriven => LIVENESS + READ_DEADLINE,
        }
    }
}

fn word<T: PartialEq + Copy>(words: &[(T, &'static str)], of: T) -> &'static str {
    let found = words.iter().find(|(it, _)| *it == of);
    found.expect("each has a word").1
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (registry, bus) = (word(&REGISTRIES, self.registry), word(&BUSES, self.bus));
        write!(f, "{registry}/{bus}/{}", self.mode())
    }
}

impl FromStr for Setup {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::all().into_iter().find(|it| it.to_string() == text);
        found.ok_or_else(|| {
            let all: Vec<_> = Self::all().iter().map(Self::to_string).collect();
            format!("{text:?} is none of {}", all.join(", "))
        })
    }
}
