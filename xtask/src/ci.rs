//! What the gate runs, the same on a laptop.

use std::path::Path;

use anyhow::{Result, anyhow};

use crate::step::{cargo, command, step, succeed};
use crate::{test, tidy};

/// Runs every check in the order of what fails fastest, and stops at the first failure.
pub(crate) fn run(root: &Path) -> Result<()> {
    step("fmt", || cargo(root, &["fmt", "--all", "--check"]))?;
    step("tidy", || tidy::run(root))?;
    // The one waits for the network, the other for the processors.
    let (prepared, linted) = std::thread::scope(|scope| {
        let prepared = scope.spawn(|| test::prepare(root));
        let linted = step("clippy", || clippy(root));
        (prepared.join(), linted)
    });
    linted?;
    prepared.map_err(|_| anyhow!("preparing the tests panicked"))??;
    test::run_prepared(root)?;
    step("doc", || {
        let args = ["doc", "--workspace", "--no-deps", "--locked"];
        succeed(command(root, "cargo", &args).env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    step("deny", || deny(root))?;
    step("machete", || {
        install(root, "cargo-machete", "0.9.2")?;
        // Not as `cargo machete`: told by `cargo run` which package runs, it takes its own name for a folder to look into.
        succeed(&mut command(root, "cargo-machete", &[]))
    })
}

fn clippy(root: &Path) -> Result<()> {
    let args = ["clippy", "--workspace", "--all-targets", "--locked", "--"];
    cargo(root, &[&args[..], &["-D", "warnings"]].concat())
}

/// Checks licences, duplicate versions and sources of everything in the lock file.
pub(crate) fn deny(root: &Path) -> Result<()> {
    install(root, "cargo-deny", "0.20.2")?;
    // The check reads the manifests of every platform's dependencies; the build fetched only those of this one.
    cargo(root, &["fetch", "--locked"])?;
    cargo(
        root,
        &[
            "deny",
            "--locked",
            "--offline",
            "check",
            "bans",
            "licenses",
            "sources",
        ],
    )
}

/// Installs a cargo subcommand from crates.io unless one of that name is there, in whatever version.
fn install(root: &Path, tool: &str, version: &str) -> Result<()> {
    let mut probe = command(root, tool, &["--version"]);
    if probe.output().is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    let args = ["install", "--locked", "--version", version, tool];
    // It runs for seconds: to optimise it would take minutes.
    succeed(
        command(root, "cargo", &args)
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "256")
            .env("CARGO_PROFILE_RELEASE_DEBUG", "0"),
    )
}
