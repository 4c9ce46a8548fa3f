//! The one command that runs every test.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::step::{cargo, command, step, succeed};
use crate::{python, servers};

/// Prepares what the tests need, then runs all of them.
pub(crate) fn run(root: &Path) -> Result<()> {
    prepare(root)?;
    run_prepared(root)
}

/// Makes sure that the servers and clients are here that tests start.
pub(crate) fn prepare(root: &Path) -> Result<()> {
    step("servers", || servers::prepare(root))?;
    step("python clients", || python::prepare(root))
}

/// Runs all tests, once what they need is prepared.
pub(crate) fn run_prepared(root: &Path) -> Result<()> {
    step("tests", || {
        cargo(root, &["test", "--locked", "--workspace", "--tests"])
    })?;
    step("example", || {
        cargo(root, &["run", "--locked", "--quiet", "--example", "embed"])
    })?;
    step("doc tests", || {
        cargo(root, &["test", "--locked", "--workspace", "--doc"])
    })?;
    step("loom", || loom(root))
}

/// Tries every interleaving of the lease crate's model tests.
pub(crate) fn loom(root: &Path) -> Result<()> {
    succeed(&mut loom_command(root, &[]))
}

/// What builds the model tests, and does not run them.
pub(crate) fn loom_build(root: &Path) -> Command {
    loom_command(root, &["--no-run"])
}

fn loom_command(root: &Path, more: &[&str]) -> Command {
    // Another target directory, or the flag would have everything built anew each time it comes and goes.
    let args = [
        "test",
        "--locked",
        "-p",
        "hotbed-lease",
        "--release",
        "--test",
        "loom",
        "--target-dir",
        "target/loom",
    ];
    let mut loom = command(root, "cargo", &[&args[..], more].concat());
    loom.env("RUSTFLAGS", "--cfg hotbed_loom");
    loom
}
