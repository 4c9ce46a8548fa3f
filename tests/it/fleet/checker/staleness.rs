use crate::fleet::record::{Record, Trouble};
use crate::fleet::setup::{Mode, Setup};
use std::time::Duration;

/// What passed before the network was gone may be read a moment later.
const IN_FLIGHT: Duration = Duration::from_millis(30);

/// A node that was cut off from the registry for longer than it may trust itself says that it is stale, whether or not
/// there was anything to miss.
pub(super) fn check(setup: Setup, record: &Record) -> Vec<String> {
    let mut violations = Vec::new();
    if setup.mode == Mode::EventDriven {
        // It goes by the bus, and hears of all there is.
        return violations;
    }
    for (node, trouble, span) in &record.troubles {
        if *trouble != Trouble::CutOff {
            continue;
        }
        let from = span.from + setup.trust() + IN_FLIGHT;
        for look in &record.looks {
            let during = look.span.from > from && look.span.to < span.to;
            if look.process.node == *node && during && !look.stale {
                violations.push(format!(
                    "silently stale: cut off from {:?} to {:?}, and yet {look:?}",
                    span.from, span.to
                ));
            }
        }
    }
    violations
}
