use hotbed_events::{EventBus, Interest};
use std::sync::Arc;
use std::time::Duration;

/// How a node learns of changes.
#[derive(Debug, Clone)]
pub enum ReloadMode {
    /// By asking the registry's log at an interval. Needs nothing but the registry.
    Polling {
        /// The interval; jittered by a tenth.
        every: Duration,
    },
    /// By events, and by reading the log after each gap in them. As good as the bus is at noticing that it lost
    /// something.
    EventDriven {
        /// Where events come from.
        bus: Arc<dyn EventBus>,
        /// On which topics.
        topics: Interest,
    },
    /// By events for speed and by asking the log for certainty.
    Hybrid {
        /// Where events come from.
        bus: Arc<dyn EventBus>,
        /// On which topics.
        topics: Interest,
        /// The interval; jittered by a tenth.
        every: Duration,
    },
}

impl ReloadMode {
    /// The poll interval, if it polls.
    pub fn poll_interval(&self) -> Option<Duration> {
        match self {
            Self::Polling { every } | Self::Hybrid { every, .. } => Some(*every),
            Self::EventDriven { .. } => None,
        }
    }

    /// Where events come from, if it listens.
    pub fn events(&self) -> Option<(&Arc<dyn EventBus>, &Interest)> {
        match self {
            Self::EventDriven { bus, topics } | Self::Hybrid { bus, topics, .. } => {
                Some((bus, topics))
            }
            Self::Polling { .. } => None,
        }
    }

    /// The word for it on every wire: `polling`, `event-driven` or `hybrid`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Polling { .. } => "polling",
            Self::EventDriven { .. } => "event-driven",
            Self::Hybrid { .. } => "hybrid",
        }
    }
}
