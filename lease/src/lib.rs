//! Lets many use a value and destroys it once, after the last.
//!
//! A [`Lender`] hands out values as [`Lease`]s. When the last lease of a value ends, the value goes to the lender's
//! callback as [`Returned`], and counts as outstanding until its [`Settled`] token is dropped: a lender with nothing
//! outstanding has seen every value destroyed, not merely given back. What keeps a drain waiting has a name, see
//! [`Lender::stragglers`].
//!
//! ```
//! use std::sync::mpsc;
//! use hotbed_lease::Lender;
//!
//! let (reaper, returns) = mpsc::channel();
//! let lender = Lender::new(move |returned| {
//!     // A closed channel hands the value back inside the error: it is dropped here instead.
//!     drop(reaper.send(returned));
//! });
//!
//! let lease = lender.lend("greeter".into(), 1, String::from("hello"));
//! let other = lease.clone();
//! drop(lease);
//! assert_eq!(other.len(), 5, "one lease is enough to use the value");
//! drop(other);
//!
//! let (value, settled) = returns.recv()?.into_value();
//! assert_eq!(lender.outstanding(), 1, "returned, not yet destroyed");
//! drop(value);
//! drop(settled);
//! assert_eq!(lender.outstanding(), 0);
//! # Ok::<(), mpsc::RecvError>(())
//! ```
//!
//! # Cost
//!
//! Cloning and dropping a lease is cloning and dropping one [`Arc`](std::sync::Arc), using it adds a branch; none takes a
//! lock. A lock is taken for a moment when a value is lent or settled, and while the outstanding ones are counted or
//! listed.
//!
//! # Every interleaving
//!
//! `tests/loom.rs` runs the crate under every interleaving that the loom model checker finds possible:
//!
//! ```text
//! RUSTFLAGS="--cfg hotbed_loom" cargo test -p hotbed-lease --release --test loom --target-dir target/loom
//! ```

mod lease;
mod ledger;
mod lender;
mod returned;
mod sync;
#[cfg(all(test, not(hotbed_loom)))]
mod tests;

pub use lease::Lease;
#[cfg(not(hotbed_loom))]
pub use lease::WeakLease;
pub use ledger::Straggler;
pub use lender::Lender;
pub use returned::{Returned, Settled};
