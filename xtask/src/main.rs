//! Checks and tasks of this repository: `cargo xtask TASK`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a task runner talks to the person who runs it"
)]

mod ci;
mod python;
mod servers;
mod step;
mod test;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
cargo xtask TASK

  test    run every test: unit, integration (with the published Python clients), documentation, loom
  ci      what the gate runs: fmt, clippy, tidy, test, doc, deny, machete; stops at the first failure
  tidy    check what no compiler checks: who may use whom, file names, snippets, named tests
  loom    run the model tests of the lease crate
  deny    check licences, duplicate versions and sources of all dependencies
  servers make sure that the servers which tests start are here; as root, install what is missing (`test` does it too)
  python  prepare the virtual environments with the published Python clients (`test` does it too)";

fn main() -> ExitCode {
    // Not returned from `main`, which would show where in here the error arose: it speaks of the repository.
    match run(&root()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(root: &Path) -> Result<()> {
    let mut args = std::env::args().skip(1);
    let (task, rest) = (args.next(), args.next());
    if let Some(unknown) = rest {
        bail!("a task takes no arguments, got `{unknown}`\n\n{USAGE}");
    }
    match task.as_deref() {
        Some("test") => test::run(root),
        Some("ci") => ci::run(root),
        Some("tidy") => tidy::run(root),
        Some("loom") => test::loom(root),
        Some("deny") => ci::deny(root),
        Some("servers") => servers::prepare(root),
        Some("python") => python::prepare(root),
        None | Some("help" | "-h" | "--help") => {
            println!("{USAGE}");
            Ok(())
        }
        Some(unknown) => bail!("no task is called `{unknown}`\n\n{USAGE}"),
    }
}

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent()
        .expect("the xtask crate lies one below the root")
        .to_owned()
}
