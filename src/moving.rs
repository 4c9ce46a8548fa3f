//! The commands that carry registrations from store to store, or to an archive and back. What moving means is decided in
//! `hotbed::registry::moving`; here are the arguments, the stores, and what a person is told.

mod export;
mod failure;
mod import;
mod migrate;
mod place;
mod progress;
mod report;
mod stores;

use crate::supervise::Signals;
use clap::Subcommand;
use failure::Failure;
use hotbed::registry::moving::Mode;
use hotbed_cli::Format;
use std::io::Write;
use std::process::ExitCode;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

/// A command that opens stores itself rather than talking to a server.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Migrate(migrate::MigrateArgs),
    Export(export::ExportArgs),
    Import(import::ImportArgs),
}

impl Command {
    /// The command for the server's bots that it stands for, if it names no store.
    pub(crate) fn of_the_server(&self) -> Option<hotbed_cli::ExportArgs> {
        match self {
            Self::Export(args) => args.of_the_server(),
            Self::Migrate(_) | Self::Import(_) => None,
        }
    }
}

/// Runs a command until it is done or the process is told to stop; tells standard error what went wrong.
pub(crate) async fn run(command: Command, format: Format) -> ExitCode {
    let ended = match Signals::install() {
        Ok(signals) => {
            let stop = CancellationToken::new();
            let watcher = TaskTracker::new().spawn(signals.watch(stop.clone()));
            let _watching = AbortOnDropHandle::new(watcher);
            match command {
                Command::Migrate(args) => Box::pin(migrate::run(args, format, &stop)).await,
                Command::Export(args) => Box::pin(export::run(args, format, &stop)).await,
                Command::Import(args) => Box::pin(import::run(args, format, &stop)).await,
            }
        }
        Err(error) => Err(Failure::of(
            anyhow::Error::new(error).context("cannot start"),
        )),
    };
    let Err(failure) = ended else {
        return ExitCode::SUCCESS;
    };
    // Nothing can be done about an error output that cannot be written to.
    failure.tell(&mut std::io::stderr().lock()).ok();
    std::io::stderr().flush().ok();
    failure.exit()
}

/// Whether a command writes.
fn mode(dry_run: bool) -> Mode {
    if dry_run { Mode::DryRun } else { Mode::Write }
}

/// Does something until it is done or the process is told to stop.
async fn unless_stopped<T>(
    stop: &CancellationToken,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        biased;
        () = stop.cancelled() => Err(Failure::stopped()),
        done = work => done,
    }
}
