//! The network of agents that a server has: what can be said to it, and where there is one.

use clap::Subcommand;

use crate::error::Error;
use crate::exit::Exit;
use crate::session::Session;

mod agent;
mod list;
mod list_mods;
mod send;
mod visit;

pub use agent::AgentArgs;
pub use send::SendArgs;

/// What can be done with networks of agents.
#[derive(Debug, Clone, Subcommand)]
pub enum NetworkCommand {
    /// Send an event as an agent, and show what is answered
    ///
    /// Joins the network as an agent of its own, and leaves it in every case, also on Ctrl-C. Fails if the event was not
    /// taken, or did not do what it asks for.
    SendEvent(SendArgs),
    /// List the mods that are in service, as agents see them
    #[command(after_help = "\
Examples:
  hotbed network list-mods
  hotbed network list-mods --output json")]
    ListMods(AgentArgs),
    /// Look for networks on this machine
    ///
    /// At --server, and at the ports of 127.0.0.1 where networks usually are: 8700, 8570, 8050, 8600 and 8701 to 8703. No
    /// admin token is sent anywhere.
    #[command(after_help = "\
Examples:
  hotbed network list
  hotbed network list --status")]
    List {
        /// Also how each is doing
        #[arg(long)]
        status: bool,
    },
}

pub(crate) async fn run(command: NetworkCommand, session: &mut Session<'_>) -> Result<Exit, Error> {
    match command {
        NetworkCommand::SendEvent(args) => send::run(args, session).await,
        NetworkCommand::ListMods(args) => list_mods::run(args, session).await,
        NetworkCommand::List { status } => {
            let columns = if status {
                list::Shown::WithStatus
            } else {
                list::Shown::Names
            };
            list::run(columns, session).await
        }
    }
}
