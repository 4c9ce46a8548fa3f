//! The `hotbed` binary: reads the arguments and the environment, runs, and says how it went.

mod account;
mod admin;
mod announcing;
mod app;
mod chats;
mod config_dir;
mod domains;
mod forget;
mod live;
mod log;
mod mods;
mod moving;
mod network;
mod own_resource;
mod portability;
mod schema;
mod secrets;
mod serve_args;
mod settings;
mod storage;
mod supervise;
mod warnings;
mod watching;

use app::App;
use clap::{CommandFactory, Parser, Subcommand};
use hotbed_cli::{ClientOptions, Completions, EXIT_CODES, Exit, Reader, Streams, USAGE};
use log::Log;
use schema::SchemaArgs;
use serve_args::ServeArgs;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use supervise::Signals;
use tokio_util::sync::CancellationToken;

/// A registry-and-cache service with hot reload for fleets of bots and mods
#[derive(Debug, Parser)]
#[command(name = "hotbed", version, max_term_width = 110, after_help = EXIT_CODES)]
struct Cli {
    #[command(flatten)]
    client: ClientOptions,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a server
    Serve(Box<ServeArgs>),
    #[command(flatten)]
    Client(hotbed_cli::Command),
    #[command(flatten)]
    Moving(moving::Command),
    Completions(Completions),
    Schema(SchemaArgs),
}

fn main() -> ExitCode {
    let Cli { client, command } = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(said) => return answer(&said),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(&anyhow::Error::new(error).context("cannot start")),
    };
    match command {
        Command::Serve(args) => match runtime.block_on(serve(*args)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error),
        },
        Command::Client(command) => {
            let process = process_environment();
            let exit = runtime.block_on(run_client(async |streams| {
                hotbed_cli::run(command, &client, &process, streams).await
            }));
            // A read of standard input cannot be cancelled: the process does not wait for it.
            runtime.shutdown_background();
            exit.into()
        }
        Command::Moving(command) => {
            let process = process_environment();
            let exit = runtime.block_on(async {
                match command.of_the_server() {
                    Some(export) => run_client(async |streams| {
                        hotbed_cli::export(&export, &client, &process, streams).await
                    })
                    .await
                    .into(),
                    None => moving::run(command, client.output).await,
                }
            });
            runtime.shutdown_background();
            exit
        }
        Command::Completions(completions) => {
            match completions.write(&mut Cli::command(), &mut std::io::stdout().lock()) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => fail(&anyhow::Error::new(error).context("cannot write completions")),
            }
        }
        Command::Schema(schema) => match schema.write(&mut std::io::stdout().lock()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&anyhow::Error::new(error).context("cannot write the schema")),
        },
    }
}

/// Ends with what the parser of arguments has to say: the help that was asked for, or what is wrong with them.
fn answer(said: &clap::Error) -> ExitCode {
    // Nothing can be done about an output that cannot be written to.
    drop(said.print());
    if said.use_stderr() {
        USAGE.into()
    } else {
        ExitCode::SUCCESS
    }
}

async fn serve(args: ServeArgs) -> anyhow::Result<()> {
    let log = Log::start(&args)?;
    let stop = CancellationToken::new();
    // Before anything is opened, so that no signal ends it half-way.
    let watcher = tokio_util::task::AbortOnDropHandle::new(
        tokio_util::task::TaskTracker::new().spawn(Signals::install()?.watch(stop.clone())),
    );
    let app = App::start(args, &process_environment(), log).await?;
    let program = std::env::args_os()
        .next()
        .map_or_else(|| PathBuf::from("hotbed"), PathBuf::from);
    if let Err(error) = app.account.tell(&program, &mut std::io::stdout().lock()) {
        tracing::debug!(%error, "nobody reads what was started");
    }
    let ended = app.run(stop).await;
    drop(watcher);
    ended
}

/// The one place that reads the environment of the process, beside the argument parser.
fn process_environment() -> Vec<(String, String)> {
    let is_text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(is_text).collect()
}

/// Runs a command of the client with the streams of this process.
async fn run_client(command: impl AsyncFnOnce(Streams<'_>) -> Exit) -> Exit {
    let reader = if std::io::stdin().is_terminal() {
        Reader::Person
    } else {
        Reader::Program
    };
    let streams = Streams {
        input: &mut tokio::io::BufReader::new(tokio::io::stdin()),
        reader,
        output: &mut std::io::stdout(),
        errors: &mut std::io::stderr(),
    };
    command(streams).await
}

fn fail(error: &anyhow::Error) -> ExitCode {
    // Nothing can be done about an error output that cannot be written to.
    drop(writeln!(std::io::stderr(), "error: {error:#}"));
    ExitCode::FAILURE
}
