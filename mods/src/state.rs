use std::fmt;

/// Where one generation of a mod is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ModState {
    /// Known, and not begun: it is disabled, or waits for what it depends on.
    Registered,
    /// Takes up what it needs.
    Initializing,
    /// Has what it needs.
    Initialized,
    /// Begins its work.
    Starting,
    /// Works, and gets events.
    Running,
    /// Gets no new events, and finishes those it has.
    Draining,
    /// Ends its work.
    Stopping,
    /// Is gone.
    Stopped,
    /// Did not come up. What it took is given back.
    Error,
}

impl ModState {
    /// The state as it is shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Initializing => "initializing",
            Self::Initialized => "initialized",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Draining => "draining",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Error => "error",
        }
    }

    /// Whether a generation may go from here to there. One that fails on its way up is stopped before it is in error,
    /// unless nothing of it has run yet.
    pub fn may_become(self, next: Self) -> bool {
        use ModState::{
            Draining, Error, Initialized, Initializing, Registered, Running, Starting, Stopped,
            Stopping,
        };
        matches!(
            (self, next),
            (Registered, Initializing | Error)
                | (Initializing, Initialized)
                | (Initialized, Starting)
                | (Starting, Running)
                | (Running, Draining)
                | (Initializing | Initialized | Starting | Draining, Stopping)
                | (Stopping, Stopped | Error)
        )
    }
}

impl fmt::Display for ModState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_way_up_one_way_down_and_none_back() {
        use ModState::{
            Draining, Error, Initialized, Initializing, Registered, Running, Starting, Stopped,
            Stopping,
        };
        let way = [
            Registered,
            Initializing,
            Initialized,
            Starting,
            Running,
            Draining,
            Stopping,
            Stopped,
        ];
        for pair in way.windows(2) {
            assert!(pair[0].may_become(pair[1]), "{pair:?}");
            assert!(!pair[1].may_become(pair[0]), "{pair:?}");
        }
        for early in [Initializing, Initialized, Starting] {
            assert!(early.may_become(Stopping), "{early}");
            assert!(
                !early.may_become(Error),
                "{early}: it must be stopped first"
            );
        }
        assert!(Stopping.may_become(Error));
        for end in [Stopped, Error] {
            assert!(way.iter().all(|next| !end.may_become(*next)), "{end}");
        }
        assert!(!Running.may_become(Stopping), "it must be drained first");
    }
}
