//! The commands that mods answer to, and where they may be given.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::NoteArgs;
use crate::error::Error;
use crate::exit::Exit;
use crate::options::Name;
use crate::session::Session;

mod bind;
mod import;
mod list;
mod run;

pub use run::RunArgs;

/// What can be done with the commands of mods.
#[derive(Debug, Clone, Subcommand)]
pub enum CommandsCommand {
    /// List the words that mods answer to, and where each may be used
    List,
    /// Give commands, and show what is answered
    ///
    /// Each line that begins with a word of a mod, or with @help, @map, @bind, @unbind or @reload, is a command. If nobody
    /// answers, the command fails.
    Run(RunArgs),
    /// Let the commands of a mod be used in a channel, on every node
    Bind(BindArgs),
    /// Let the commands of a mod no longer be used in a channel, on any node
    Unbind(BindArgs),
    /// Take over the bindings of a MatterBot
    ///
    /// The channels of each module in the file become those of the mod of the same name. Fails if there was something
    /// that could not be taken over; the rest is.
    Import(ImportArgs),
}

/// Which bindings to take over, and who does so and why.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hotbed commands import bindmap.json")]
pub struct ImportArgs {
    /// Its bindmap.json; `-` is standard input
    file: PathBuf,
    #[command(flatten)]
    note: NoteArgs,
}

/// Which mod, and which channel, and who binds it and why.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hotbed commands bind wiki town-square
  hotbed commands unbind wiki any --by ada --reason 'not for everybody'")]
pub struct BindArgs {
    /// The mod, by its id
    #[arg(value_name = "MOD")]
    id: Name,
    /// The channel, or `any` for all of them
    channel: Name,
    #[command(flatten)]
    note: NoteArgs,
}

pub(crate) async fn run(
    command: CommandsCommand,
    session: &mut Session<'_>,
) -> Result<Exit, Error> {
    match command {
        CommandsCommand::List => list::run(session).await,
        CommandsCommand::Run(args) => run::run(args, session).await,
        CommandsCommand::Bind(args) => bind::bind(&args, session).await,
        CommandsCommand::Unbind(args) => bind::unbind(&args, session).await,
        CommandsCommand::Import(args) => import::run(&args, session).await,
    }
}
