//! A fleet under faults that a seed decides, held against what was promised.
//!
//! `schedules` runs them. A `world` is three node processes on one registry and one bus, with a bad network between each
//! of them and each server. A `schedule` says which faults come when, `faults` brings them about. Meanwhile `workload`
//! writes and reads on every node and notes everything in a `record`; `checker` proves the promises from the record
//! alone.

mod checker;
mod convergence;
mod echoes;
mod faults;
mod lane;
mod record;
mod schedule;
mod schedules;
mod setup;
mod timing;
mod workload;
mod world;
