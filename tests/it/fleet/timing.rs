//! How long things may take.

use super::setup::Mode;
use std::time::Duration;

/// How often nodes poll.
pub(super) const POLL: Duration = Duration::from_millis(300);
/// How long one read of the log may hang, where there is no interval.
pub(super) const READ_DEADLINE: Duration = Duration::from_secs(5);
/// How long one read of the log may hang, at this poll interval: as the loop of `hotreload` has it.
const POLLED_READ_DEADLINE: Duration = Duration::from_secs(1);
/// After which a bus knows of a connection that is dead without saying so.
pub(super) const LIVENESS: Duration = Duration::from_secs(10);
/// How long it may take to make a connection to a bus and to listen, once it can be reached: the wait after the last
/// failure, and an attempt that hangs.
const RECONNECTING: Duration = Duration::from_secs(2 + 5);
/// The longest wait between two reads of a log that cannot be read, where there is no interval.
const RETRY: Duration = Duration::from_secs(5);
/// What could not be built while the registry was away is tried again on a clock of its own, which doubles: by as long
/// as the faults lasted. That nodes do not try at once when the registry answers is what the promise does not allow for.
const BUILDS: Duration = STORM;
/// What a machine may add to what takes no time.
const ALLOWANCE: Duration = Duration::from_secs(1);
/// Steps that may each be as late as the latest wake-up of this process was: a machine that is that busy is to blame,
/// not the fleet.
const STEPS: u32 = 10;

/// How long after the last fault and the last write every node is at the registry's head. Where it is polled: a read of
/// the log that was under way then may hang to its deadline, the next one comes after an interval at most. By events
/// alone: once the bus is heard again the log is read, after the longest wait between two attempts. And in both the
/// machine, on which a wake-up was so late.
pub(super) fn convergence(mode: Mode, latest: Duration) -> Duration {
    let fleet = match mode {
        Mode::Polling | Mode::Hybrid => POLLED_READ_DEADLINE + POLL,
        Mode::EventDriven => RECONNECTING + READ_DEADLINE + RETRY,
    };
    fleet + BUILDS + ALLOWANCE + STEPS * latest
}

/// Faults begin from here on, when the fleet has served for a while.
pub(super) const CALM: Duration = Duration::from_millis(400);
/// All faults have ended by then.
pub(super) const STORM: Duration = Duration::from_millis(3_200);
/// The shortest fault, and the longest.
pub(super) const SHORTEST: Duration = Duration::from_millis(50);
pub(super) const LONGEST: Duration = Duration::from_millis(1_500);
