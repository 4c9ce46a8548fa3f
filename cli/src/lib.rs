//! Does from a terminal what the API allows.
//!
//! The binary parses a [`Command`] and [`ClientOptions`] out of its arguments, hands them to [`run`] with the
//! [`Streams`] of the process, and ends with the [`Exit`] that comes back. Everything here speaks HTTP to a server, or
//! reads a directory of configurations; nothing here opens a registry.

mod admin_token;
mod backoff;
mod client;
mod command;
mod completions;
mod deploy;
mod document;
mod duration;
mod error;
mod exit;
mod interrupt;
mod json;
mod object_source;
mod options;
mod printable;
mod run;
mod session;
mod streams;
mod table;
mod time;

pub use command::{
    AgentArgs, BindArgs, BotsCommand, ChatArgs, Command, CommandsCommand, ConfigSource, DiffArgs,
    FleetCommand, FleetWaitArgs, HistoryArgs, ImportArgs, ListArgs, LoadArgs, MetadataFilter,
    ModConfigArgs, ModPriority, ModsCommand, NetworkCommand, NoteArgs, PutArgs, ReloadArgs,
    RollbackArgs, RunArgs, SendArgs, Share, Status, SwitchArgs, UnloadArgs, WatchArgs, WriteArgs,
};
pub use completions::Completions;
pub use deploy::{
    ApplyArgs, CheckArgs, DirectoryArgs, ExportArgs, InitArgs, OwnerArgs, PlanArgs, ResolveArgs,
};
pub use duration::parse_duration;
pub use exit::{EXIT_CODES, Exit, USAGE};
pub use object_source::ObjectSource;
pub use options::{ClientOptions, Format, InvalidServer, Name, Server};
pub use run::{export, run};
pub use streams::{Reader, Streams};
