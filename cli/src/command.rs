use clap::Subcommand;

use crate::deploy::{ApplyArgs, CheckArgs, InitArgs, PlanArgs, ResolveArgs};
use crate::options::Name;

pub(crate) mod bot;
pub(crate) mod chat;
pub(crate) mod commands;
pub(crate) mod diff;
pub(crate) mod fleet;
pub(crate) mod health;
pub(crate) mod history;
pub(crate) mod list;
pub(crate) mod mods;
pub(crate) mod network;
pub(crate) mod note;
pub(crate) mod put;
pub(crate) mod reload;
pub(crate) mod rollback;
pub(crate) mod watch;

pub use bot::WriteArgs;
pub use chat::ChatArgs;
pub use commands::{BindArgs, CommandsCommand, ImportArgs, RunArgs};
pub use diff::DiffArgs;
pub use fleet::{FleetCommand, FleetWaitArgs, Share};
pub use history::HistoryArgs;
pub use list::{ListArgs, MetadataFilter};
pub use mods::{LoadArgs, ModConfigArgs, ModPriority, ModsCommand, SwitchArgs, UnloadArgs};
pub use network::{AgentArgs, NetworkCommand, SendArgs};
pub use note::NoteArgs;
pub use put::{ConfigSource, PutArgs};
pub use reload::ReloadArgs;
pub use rollback::RollbackArgs;
pub use watch::WatchArgs;

/// What a terminal can ask of a server.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Register, change, list and talk to bots
    #[command(subcommand)]
    Bots(Box<BotsCommand>),
    /// Load, change, switch and list mods
    #[command(subcommand)]
    Mods(Box<ModsCommand>),
    /// Give the commands that mods answer, and say where they may be given
    #[command(subcommand)]
    Commands(CommandsCommand),
    /// Send events to the network of agents, and look where there is one
    #[command(subcommand)]
    Network(Box<NetworkCommand>),
    /// Build what the server holds in memory anew: every bot, and the mods that changed
    ///
    /// Each serves as it was until the new one stands; one that cannot be built stays as it was, and the command fails.
    /// With an ID only the bot of that id and the mod of that id, changed or not.
    Reload(ReloadArgs),
    /// Show which nodes there are and how far each one is
    #[command(subcommand)]
    Fleet(FleetCommand),
    /// Look for mistakes in a directory of configurations, without a server
    ///
    /// Every file is read and every bot is resolved in every environment. All problems are told, each with its place.
    Check(CheckArgs),
    /// Show a bot of a directory as it is built in an environment, without a server
    ///
    /// References and variables are filled in. What is secret is not shown.
    Resolve(ResolveArgs),
    /// Show what `apply` would change, field by field; exit code 2 if that is anything
    Diff(PlanArgs),
    /// Make the server hold what a directory says
    ///
    /// Each write is made under the condition that nobody wrote meanwhile: what somebody else changes at the same time
    /// is reported as a conflict and left as it is. What cannot be done does not keep the rest from being done.
    Apply(ApplyArgs),
    /// Write a small directory of configurations to begin with; nothing that is there is touched
    Init(InitArgs),
    /// Show how the server is doing
    ///
    /// Fails unless the server is ready and all is well.
    Health,
}

/// What can be done with bots.
#[derive(Debug, Clone, Subcommand)]
pub enum BotsCommand {
    /// List the registered bots
    List(ListArgs),
    /// Show one bot and its configuration
    Get {
        /// The bot
        id: Name,
    },
    /// Register a bot, or replace its configuration
    Put(PutArgs),
    /// Delete a bot; there is no question, and no way back but `rollback`
    #[command(after_help = "\
Examples:
  hotbed bots delete greeter
  hotbed bots delete greeter --if-revision 41")]
    Delete(WriteArgs),
    /// Put a bot into service
    Activate(WriteArgs),
    /// Take a bot out of service; its configuration is kept
    Deactivate(WriteArgs),
    /// Show what was written of a bot: when, by whom and why, where they said it
    History(HistoryArgs),
    /// Show what changed between two versions of a bot, field by field
    ///
    /// Without --from and --to, what the last write changed. Only what a writer says is compared: status,
    /// configuration and metadata.
    Diff(DiffArgs),
    /// Make a bot what it was at a revision, even if it is deleted
    ///
    /// That is a write like any other: it has a revision of its own, and what the bot was in between stays in its
    /// history.
    Rollback(RollbackArgs),
    /// Build a bot anew now, from the configuration that is registered
    ///
    /// A change of the configuration needs no reload: this is for what a bot was built from beside it.
    Reload {
        /// The bot
        id: Name,
    },
    /// Show how a bot stands in the server's memory
    Instance {
        /// The bot
        id: Name,
    },
    /// Talk to a bot
    ///
    /// With a MESSAGE, or with one on standard input, the bot answers once. On a terminal without a MESSAGE a talk
    /// begins: one line is one message, errors do not end it, Ctrl-D does. `[revision N]` after a reply tells that
    /// from this reply on the bot speaks from revision N of its configuration.
    Chat(ChatArgs),
    /// Print changes of bots as they happen
    ///
    /// One line is one change: time, revision, kind and id. It goes on until Ctrl-C. A lost connection is made anew,
    /// and no change is missed in between; when the server's log no longer reaches back that far, this is said, and
    /// the bots should be listed afresh.
    Watch(WatchArgs),
}

/// The words for a registration's status on a command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Status {
    /// In service
    Active,
    /// Kept, but out of service
    Inactive,
    /// Kept, but out of service because its owner found it faulty
    Error,
}

impl Status {
    /// The word for it on the wire.
    pub(crate) fn as_str(self) -> &'static str {
        status_word(self.into())
    }
}

impl From<Status> for hotbed_api::Status {
    fn from(status: Status) -> Self {
        match status {
            Status::Active => Self::Active,
            Status::Inactive => Self::Inactive,
            Status::Error => Self::Error,
        }
    }
}

/// The word for what a change did, for people.
pub(crate) fn kind_word(kind: hotbed_api::ChangeKind) -> &'static str {
    match kind {
        hotbed_api::ChangeKind::Created => "created",
        hotbed_api::ChangeKind::Updated => "updated",
        hotbed_api::ChangeKind::Activated => "activated",
        hotbed_api::ChangeKind::Deactivated => "deactivated",
        hotbed_api::ChangeKind::Deleted => "deleted",
    }
}

/// The word for a status, for the wire and for people.
pub(crate) fn status_word(status: hotbed_api::Status) -> &'static str {
    match status {
        hotbed_api::Status::Active => "active",
        hotbed_api::Status::Inactive => "inactive",
        hotbed_api::Status::Error => "error",
    }
}
