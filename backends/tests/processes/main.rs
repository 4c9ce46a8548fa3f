//! Several processes on one store, and processes that die in the middle of a write: what every kind of store that
//! processes share must bear, on the real servers.
//!
//! The sizes are those of an ordinary run of the tests; `HOTBED_SOAK=1` makes them as large as the store deserves.

mod another;
mod increments;
mod kills;
mod place;
