//! What a world is like, by its seed.

use crate::dice::Dice;
use hotbed_registry::Id;
use std::time::Duration;

/// How a node follows its registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Mode {
    Polling,
    EventDriven,
    Hybrid,
}

#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    /// One for each node.
    pub(crate) modes: Vec<Mode>,
    /// The poll interval of those that poll.
    pub(crate) every: Duration,
    /// How long a call takes each way, at most, when all is well.
    pub(crate) latency: Duration,
    /// How long an event takes, at most, when all is well.
    pub(crate) delay: Duration,
    pub(crate) ids: u64,
    /// Each is followed by a recovery and a calm.
    pub(crate) storms: u64,
    /// The polls of a node in each calm, about.
    pub(crate) calm_polls: u32,
    /// Whether the nodes have a cache, and readers.
    pub(crate) serves: bool,
}

/// Poll intervals in seconds, each as likely as another. The long ones bring the hours.
const INTERVALS: [u64; 10] = [2, 5, 5, 10, 30, 60, 300, 900, 3_600, 10_800];
/// Those of the nodes that have a cache, which ticks all the time.
const SHORT_INTERVALS: [u64; 3] = [2, 5, 10];
/// From this one on, polling is slow, and a calm lasts for many polls.
const SLOW: Duration = Duration::from_mins(5);
/// Of so many worlds, one has caches.
const SERVING: u64 = 15;

impl Plan {
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed, 0);
        let mut modes = vec![Mode::Polling, Mode::EventDriven, Mode::Hybrid];
        for _ in 0..dice.below(3) {
            modes.push(dice.pick(&[Mode::Polling, Mode::EventDriven, Mode::Hybrid]));
        }
        let serves = seed.is_multiple_of(SERVING);
        let intervals: &[u64] = if serves { &SHORT_INTERVALS } else { &INTERVALS };
        let every = Duration::from_secs(dice.pick(intervals));
        let (least, most) = match every {
            _ if serves => (4, 10),
            _ if every >= SLOW => (150, 450),
            _ => (20, 100),
        };
        Self {
            seed,
            modes,
            every,
            serves,
            latency: Duration::from_millis(dice.pick(&[0, 0, 1, 20])),
            delay: Duration::from_millis(dice.pick(&[0, 1, 20, 300, 2_000])),
            ids: dice.between(2, 9),
            storms: dice.between(2, 4),
            calm_polls: u32::try_from(dice.between(least, most)).unwrap(),
        }
    }

    /// Whether most of its time passes between polls.
    pub(crate) fn is_slow(&self) -> bool {
        self.every >= SLOW
    }

    /// One of its ids.
    pub(crate) fn any_id(&self, dice: &mut Dice) -> Id {
        name(dice.below(self.ids))
    }

    /// All its ids.
    pub(crate) fn all_ids(&self) -> impl Iterator<Item = Id> {
        (0..self.ids).map(name)
    }

    /// What the promises leave out: the time that calls take when all is well, as many as one catching up needs, and
    /// the breath between two reads of the log.
    pub(crate) fn slack(&self) -> Duration {
        self.latency * 2 * 10 + Duration::from_millis(150)
    }

    /// How long a node may take to reach the head of a registry that is well, when its events come and go as well.
    pub(crate) fn recovery(&self, mode: Mode) -> Duration {
        let most = match mode {
            Mode::Polling | Mode::Hybrid => self.every,
            // An attempt to subscribe that hangs, and the longest wait before the next.
            Mode::EventDriven => Duration::from_secs(10),
        };
        most + self.slack()
    }

    /// How long after a change a node may take to know of it while all is well.
    pub(crate) fn propagation(&self, mode: Mode) -> Duration {
        let most = match mode {
            Mode::Polling => self.every,
            Mode::EventDriven | Mode::Hybrid => self.delay,
        };
        most + self.slack()
    }
}

fn name(n: u64) -> Id {
    Id::new(&format!("bot-{n}")).unwrap()
}
