//! The file backend: what every backend must do, and what only one made of files must.

mod conformance;
mod crashes;
mod directory;
mod edits;
mod faults;
