use super::setup::{BusKind, RegistryKind, Setup};
use super::timing::{CALM, LONGEST, SHORTEST, STORM};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Node processes of a fleet.
pub(super) const NODES: usize = 3;
/// Faults of a schedule.
const FAULTS: std::ops::RangeInclusive<usize> = 2..=7;

/// What decides a schedule: a setup and a number. Written `sqlite/memory/hybrid#17`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seed {
    pub(super) setup: Setup,
    pub(super) number: u64,
}

/// Which faults come when.
#[derive(Debug)]
pub(super) struct Schedule {
    pub(super) seed: Seed,
    pub(super) faults: Vec<Fault>,
}

/// Something that goes wrong for a while. Faults of different targets overlap as they come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// After the fleet began to serve.
    pub(super) at: Duration,
    pub(super) lasts: Duration,
    pub(super) what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// `kill -9`, and a start at the end.
    Kill { node: usize },
    /// `SIGSTOP`, and `SIGCONT` at the end.
    Pause { node: usize },
    /// The wall clock of a node is off by so many seconds.
    ClockJump { node: usize, seconds: i64 },
    /// The network between a node and the registry's server.
    RegistryLink { node: usize, how: Breakage },
    /// The registry's server ends, and is started again at the end.
    RegistryServer { how: End },
    /// The network between a node and the bus's server.
    BusLink { node: usize, how: Breakage },
    /// The bus's server ends, and is started again at the end.
    BusServer { how: End },
    /// Everything that the bus carries is carried again: later, more than once, in another order.
    Echoes,
    /// Another process holds the registry's file: against everybody, or against writers only.
    RegistryLock { all: bool },
}

/// What happens to a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Breakage {
    /// Connections are cut, and none can be made.
    Cut,
    /// Connections are reset now and then, and can be made again at once.
    Reset,
    /// Connections stay open and carry nothing. When the fault ends they are found to be dead.
    Silence,
    /// Connections stay open and carry nothing until the fault ends, then all of it.
    Hold,
    /// Everything takes this much longer, in milliseconds.
    Delay(u64),
}

/// How a server ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Stopped,
    Killed,
}

/// What only one fault at a time can befall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Process(usize),
    Clock(usize),
    RegistryLink(usize),
    Registry,
    BusLink(usize),
    Bus,
    Echoes,
}

impl Schedule {
    pub(super) fn of(seed: Seed) -> Self {
        let mut chance = SmallRng::seed_from_u64(seed.number);
        let count = chance.random_range(FAULTS);
        let mut faults: Vec<Fault> = Vec::new();
        // Those that find their target taken are left out.
        for _ in 0..count {
            let what = What::any(seed.setup, &mut chance);
            let lasts = between(SHORTEST, LONGEST, &mut chance);
            let at = between(CALM, STORM.saturating_sub(lasts), &mut chance);
            let fault = Fault { at, lasts, what };
            if !faults.iter().any(|other| other.excludes(&fault)) {
                faults.push(fault);
            }
        }
        faults.sort_by_key(|fault| fault.at);
        Self { seed, faults }
    }

    /// The faults of each target, one after another. Each begins when the one before it has ended, be it later than
    /// planned: a server may take its time to end, and to start.
    pub(super) fn by_target(&self) -> impl Iterator<Item = Vec<&Fault>> {
        let mut targets: BTreeMap<Target, Vec<&Fault>> = BTreeMap::new();
        for fault in &self.faults {
            targets.entry(fault.what.target()).or_default().push(fault);
        }
        targets.into_values()
    }

    /// Whether any node's clock is touched.
    pub(super) fn moves_clocks(&self) -> bool {
        let moves = |fault: &Fault| matches!(fault.what, What::ClockJump { .. });
        self.faults.iter().any(moves)
    }
}

impl Fault {
    fn end(&self) -> Duration {
        self.at + self.lasts
    }

    fn excludes(&self, other: &Self) -> bool {
        let overlaps = self.at < other.end() && other.at < self.end();
        overlaps && self.what.target() == other.what.target()
    }
}

impl What {
    fn any(setup: Setup, chance: &mut SmallRng) -> Self {
        let node = chance.random_range(0..NODES);
        if setup.bus != BusKind::Memory && chance.random_ratio(2, 5) {
            return Self::any_of_bus(setup, node, chance);
        }
        match chance.random_range(0..100) {
            0..20 => Self::Kill { node },
            20..35 => Self::Pause { node },
            35..50 => Self::ClockJump {
                node,
                seconds: chance.random_range(-6 * 3_600..=6 * 3_600),
            },
            50..75 => match setup.registry {
                RegistryKind::Sqlite => Self::RegistryLock {
                    all: chance.random(),
                },
                RegistryKind::Postgres => Self::RegistryServer {
                    how: End::any(chance),
                },
            },
            _ => match setup.registry {
                RegistryKind::Sqlite => Self::Kill { node },
                RegistryKind::Postgres => Self::RegistryLink {
                    node,
                    how: Breakage::any(chance),
                },
            },
        }
    }

    fn any_of_bus(setup: Setup, node: usize, chance: &mut SmallRng) -> Self {
        match chance.random_range(0..3) {
            0 => Self::Echoes,
            // One server, once.
            1 if setup.bus == BusKind::Postgres => Self::RegistryServer {
                how: End::any(chance),
            },
            1 => Self::BusServer {
                how: End::any(chance),
            },
            _ => Self::BusLink {
                node,
                how: Breakage::any(chance),
            },
        }
    }

    fn target(self) -> Target {
        match self {
            Self::Kill { node } | Self::Pause { node } => Target::Process(node),
            Self::ClockJump { node, .. } => Target::Clock(node),
            Self::RegistryLink { node, .. } => Target::RegistryLink(node),
            Self::RegistryServer { .. } | Self::RegistryLock { .. } => Target::Registry,
            Self::BusLink { node, .. } => Target::BusLink(node),
            Self::BusServer { .. } => Target::Bus,
            Self::Echoes => Target::Echoes,
        }
    }
}

impl Breakage {
    fn any(chance: &mut SmallRng) -> Self {
        let delay = Self::Delay(chance.random_range(5..=900));
        let all = [Self::Cut, Self::Reset, Self::Silence, Self::Hold, delay];
        *all.choose(chance).expect("there are some")
    }
}

impl End {
    fn any(chance: &mut SmallRng) -> Self {
        let all = [Self::Stopped, Self::Killed];
        *all.choose(chance).expect("there are some")
    }
}

fn between(least: Duration, most: Duration, chance: &mut SmallRng) -> Duration {
    // Whole milliseconds, so that a schedule can be read.
    let millis = |time: Duration| u64::try_from(time.as_millis()).expect("it is short");
    Duration::from_millis(chance.random_range(millis(least)..=millis(most)))
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.setup, self.number)
    }
}

impl FromStr for Seed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('#');
        let (setup, number) =
            parts.ok_or_else(|| format!("{text:?} names no seed: SETUP#NUMBER"))?;
        let number = number.parse();
        Ok(Self {
            setup: setup.parse()?,
            number: number.map_err(|error| format!("{text:?}: {error}"))?,
        })
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.seed)?;
        for Fault { at, lasts, what } in &self.faults {
            write!(f, "\n  {at:?} for {lasts:?}: {what:?}")?;
        }
        Ok(())
    }
}

#[test]
fn a_seed_decides_everything() {
    for setup in Setup::all() {
        for number in 0..100 {
            let seed = Seed { setup, number };
            assert_eq!(seed.to_string().parse(), Ok(seed));
            let schedule = Schedule::of(seed);
            assert_eq!(schedule.faults, Schedule::of(seed).faults);
            for fault in &schedule.faults {
                assert!(fault.at >= CALM && fault.end() <= STORM, "{schedule}");
            }
        }
    }
}
