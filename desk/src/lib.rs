//! Has a node run the mods that the registry says, and writes down which are wanted.
//!
//! Which mods there are is said in the collection `mods` of the registry, the same for every node. Two halves keep to it:
//!
//! - The [`Follower`] reads the collection whenever something in it changed, and has the node's
//!   [`ModHost`](hotbed_mods::ModHost) run what it says. It never writes.
//! - The [`Desk`] is where mods are loaded, unloaded, changed and switched. It writes to the registry, waits until this
//!   node has looked at what it wrote, and says what became of it. It never touches what the host runs but by that way.
//!
//! Whoever asks, an agent, a route of the API or a chat command, asks the desk; so what one node is told every node
//! does.

mod check;
mod desk;
mod error;
mod follower;

pub use check::ModCheck;
pub use desk::{Desk, ModEntry, Order};
pub use error::ModsError;
pub use follower::{Follower, Unsettled};
