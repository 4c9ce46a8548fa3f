//! What the gate runs, the same on a laptop.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, anyhow};

use crate::step::{behind, cargo, command, step, succeed};
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
    std::thread::scope(|scope| {
        scope.spawn(|| ahead(root));
        test::run_prepared(root)
    })?;
    step("doc", || succeed(&mut doc(root)))?;
    step("deny", || deny(root))?;
    step("machete", || {
        install(root, MACHETE)?;
        // Not as `cargo machete`: told by `cargo run` which package runs, it takes its own name for a folder to look into.
        succeed(&mut command(root, "cargo-machete", &[]))
    })
}

/// A cargo subcommand from crates.io.
#[derive(Clone, Copy)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

const DENY: Tool = Tool {
    name: "cargo-deny",
    version: "0.20.2",
};
const MACHETE: Tool = Tool {
    name: "cargo-machete",
    version: "0.9.2",
};

/// Builds ahead what later steps need, while the tests wait for servers and clocks, on what they leave of the processors.
/// What fails here fails again in its step, and is told there.
fn ahead(root: &Path) {
    let installs = [DENY, MACHETE].into_iter();
    let installs = installs.filter_map(|tool| missing(root, tool));
    let builds = [doc(root), test::loom_build(root)];
    for build in installs.chain(builds) {
        drop(behind(&build).output());
    }
}

fn doc(root: &Path) -> Command {
    let args = ["doc", "--workspace", "--no-deps", "--locked"];
    let mut doc = command(root, "cargo", &args);
    doc.env("RUSTDOCFLAGS", "-D warnings");
    doc
}

fn clippy(root: &Path) -> Result<()> {
    let args = ["clippy", "--workspace", "--all-targets", "--locked", "--"];
    cargo(root, &[&args[..], &["-D", "warnings"]].concat())
}

/// Checks licences, duplicate versions and sources of everything in the lock file.
pub(crate) fn deny(root: &Path) -> Result<()> {
    install(root, DENY)?;
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

/// Installs a tool unless one of that name is there, in whatever version.
fn install(root: &Path, tool: Tool) -> Result<()> {
    missing(root, tool).map_or(Ok(()), |mut install| succeed(&mut install))
}

/// What installs a tool, if none of that name is there.
fn missing(root: &Path, tool: Tool) -> Option<Command> {
    let mut probe = command(root, tool.name, &["--version"]);
    if probe.output().is_ok_and(|output| output.status.success()) {
        return None;
    }
    let args = ["install", "--locked", "--version", tool.version, tool.name];
    let mut install = command(root, "cargo", &args);
    // It runs for seconds: to optimise it would take minutes.
    install
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "256")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "0");
    Some(install)
}
