//! Mods: loaded, changed, switched and looked at.

use clap::{Args, Subcommand};
use hotbed_api::Mod;
use reqwest::RequestBuilder;

use super::NoteArgs;
use crate::client::Answer;
use crate::error::Error;
use crate::exit::Exit;
use crate::options::{Format, Name};
use crate::printable::Line;
use crate::session::Session;

mod config;
mod health;
mod list;
mod load;
mod schema;
mod show;
mod switch;
mod unload;

pub use config::ModConfigArgs;
pub use load::{LoadArgs, ModPriority};
pub use unload::UnloadArgs;

/// What can be done with mods.
#[derive(Debug, Clone, Subcommand)]
pub enum ModsCommand {
    /// List the mods, and how each is on the server that is asked
    List,
    /// Show one mod and its configuration
    Show {
        /// The mod, by its id or its path
        id: Name,
    },
    /// Register a mod, so that every node runs it
    ///
    /// Ends when it runs on the server that is asked. A mod that does not come up there is taken out again.
    Load(LoadArgs),
    /// Take a mod out of the registry, so that no node runs it
    ///
    /// Ends when it is stopped on the server that is asked. Refused while others depend on it, unless --cascade.
    Unload(UnloadArgs),
    /// Build a mod anew now, on every node, with those that depend on it
    ///
    /// Ends when it serves on the server that is asked. A change of the configuration needs no reload: this is for what a
    /// mod was built from beside it. What is under way ends in the generation in which it began; one that does not come up
    /// leaves the old one in service.
    Reload(SwitchArgs),
    /// Let a mod run, on every node
    Enable(SwitchArgs),
    /// Keep a mod from running, on every node; its registration stays
    Disable(SwitchArgs),
    /// Show or change the configuration of a mod
    ///
    /// A change is held against what the mod says that its configuration may be, and is in effect when the command ends.
    /// A password is shown as `********`; sent back so, it stays as it is.
    Config(ModConfigArgs),
    /// Show what the configuration of a mod may hold
    Schema {
        /// The mod, by its id or its path
        id: Name,
    },
    /// Ask a mod how it is; fails unless it is well
    Health {
        /// The mod, by its id or its path
        id: Name,
    },
}

/// Which mod to switch or reload, and who does so and why.
#[derive(Debug, Clone, Args)]
pub struct SwitchArgs {
    /// The mod, by its id or its path
    id: Name,
    #[command(flatten)]
    note: NoteArgs,
}

pub(crate) async fn run(command: ModsCommand, session: &mut Session<'_>) -> Result<Exit, Error> {
    match command {
        ModsCommand::List => list::run(session).await,
        ModsCommand::Show { id } => show::run(&id, session).await,
        ModsCommand::Load(args) => load::run(args, session).await,
        ModsCommand::Unload(args) => unload::run(&args, session).await,
        ModsCommand::Reload(args) => switch::reload(&args, session).await,
        ModsCommand::Enable(args) => switch::enable(&args, session).await,
        ModsCommand::Disable(args) => switch::disable(&args, session).await,
        ModsCommand::Config(args) => config::run(args, session).await,
        ModsCommand::Schema { id } => schema::run(&id, session).await,
        ModsCommand::Health { id } => health::run(&id, session).await,
    }
}

/// Sends a request about one mod.
pub(crate) async fn ask(request: RequestBuilder, session: &Session<'_>) -> Result<Answer, Error> {
    let answer = session.client.send(request).await;
    answer.map_err(Error::about_a_mod)
}

/// Tells what was done with a mod, and fails if it is not as it is registered.
fn tell(done: &str, answer: &Answer, session: &mut Session<'_>) -> Result<Exit, Error> {
    let it: Mod = session.client.understand(&answer.body)?;
    match session.format {
        Format::Json => session.print_json(&answer.body)?,
        Format::Table => print(done, &it, session)?,
    }
    Ok(verdict(&it, session))
}

/// Prints what was done with a mod, and where it stands now.
pub(crate) fn print(done: &str, it: &Mod, session: &mut Session<'_>) -> Result<(), Error> {
    let now = standing(it);
    session.print(|output| writeln!(output, "{done} {}: {}", Line(&it.id), Line(&now)))
}

/// Fails if a mod is not as it is registered, and says why.
pub(crate) fn verdict(it: &Mod, session: &mut Session<'_>) -> Exit {
    match &it.error {
        None => Exit::Done,
        Some(error) => {
            session.complain(error);
            Exit::Failed
        }
    }
}

/// Where a mod stands, as a sentence.
fn standing(it: &Mod) -> String {
    let mut facts = vec![shown_state(it).to_owned()];
    facts.extend(
        it.generation
            .map(|generation| format!("generation {generation}")),
    );
    facts.extend(it.revision.map(|revision| format!("revision {revision}")));
    facts.join(", ")
}

/// The word for how a mod is. One that is kept from running is not told by how it came to stand still.
fn shown_state(it: &Mod) -> &str {
    if it.enabled || it.generation.is_some() {
        &it.state
    } else {
        "disabled"
    }
}
