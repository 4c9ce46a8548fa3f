//! Knows which nodes there are and how far each one is.
//!
//! Every node says now and then who it is and which revision it has applied: on the event bus, and in the [`Roster`] of
//! a database where there is one. A [`Member`] does so for its node and listens to the others; what it knows is read
//! through its [`Fleet`]. Nothing is decided by this: a node that is not seen serves as well as one that is.
//!
//! No clocks are compared. A node counts its reports; whoever sees the count stand still for longer than the node said
//! takes it for silent, by his own clock.

mod fleet;
mod member;
mod report;
mod roster;
mod view;
mod wire;

pub use fleet::Fleet;
pub use member::{Describe, Member, Pace};
pub use report::{InvalidNodeId, NodeFailure, NodeId, NodeReport, NodeState, Progress};
pub use roster::{Roster, RosterError};
pub use view::Seen;
pub use wire::{InvalidReport, MAX_BYTES, decode, encode};
