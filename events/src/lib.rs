//! Moves facts between components that do not know each other.
//!
//! An [`Event`] says *that* something happened, never what it looks like now: receivers read the truth again.
//! So a lost, late, repeated or reordered event costs delay and nothing else, and a [`Subscription`] says so
//! itself: it begins with [`Delivery::Gap`] and repeats it wherever events may have been missed.
//!
//! The bus that needs no server, [`MemoryBus`], lives here; buses that cross processes live in the crate
//! that touches the outside world, and hand what they hear to a [`Hub`].

mod bus;
mod event;
mod hub;
mod interest;
mod memory;
mod topic;

pub use bus::{Delivery, Error, EventBus, Subscription};
pub use event::{Event, EventKind};
pub use hub::Hub;
pub use interest::{Interest, InvalidPattern, Pattern};
pub use memory::MemoryBus;
pub use topic::{InvalidTopic, Topic};
