use std::time::Duration;

use crate::admin_token::AdminToken;
use crate::client::Client;
use crate::command::bot::Service;
use crate::command::{
    BotsCommand, Command, bot, chat, commands, diff, fleet, health, history, list, mods, network,
    put, reload, rollback, watch,
};
use crate::deploy::{ExportArgs, apply, check, export, init, plan, resolve};
use crate::error::Error;
use crate::exit::Exit;
use crate::options::ClientOptions;
use crate::session::Session;
use crate::streams::Streams;

/// A quiet stream of changes is alive as long as heartbeats come: at least so long a silence is no fault.
const WATCH_SILENCE: Duration = Duration::from_mins(1);

/// Runs a command against a server and tells how it ended. What went wrong is already written to `streams.errors`.
/// `process` are the variables of the process, which the configurations of a directory may refer to; to the admin token
/// among them they may not.
///
/// Dropping the future ends the command; a write that was sent by then may still happen.
pub async fn run(
    command: Command,
    options: &ClientOptions,
    process: &[(String, String)],
    streams: Streams<'_>,
) -> Exit {
    let silence = match &command {
        Command::Bots(command) if matches!(**command, BotsCommand::Watch(_)) => {
            options.timeout.max(WATCH_SILENCE)
        }
        _ => options.timeout,
    };
    in_session(options, silence, process, streams, async |session| {
        dispatch(command, options.timeout, session).await
    })
    .await
}

/// Writes the server's bots into a directory as domain files, and tells how that ended, as [`run`] does.
pub async fn export(
    args: &ExportArgs,
    options: &ClientOptions,
    process: &[(String, String)],
    streams: Streams<'_>,
) -> Exit {
    in_session(
        options,
        options.timeout,
        process,
        streams,
        async |session| export::run(args, session).await,
    )
    .await
}

async fn in_session(
    options: &ClientOptions,
    silence: Duration,
    process: &[(String, String)],
    streams: Streams<'_>,
    command: impl AsyncFnOnce(&mut Session<'_>) -> Result<Exit, Error>,
) -> Exit {
    let opened = AdminToken::taken_from(options, process).and_then(|(token, process)| {
        Ok((
            Client::new(options.server.clone(), silence, token)?,
            process,
        ))
    });
    let (client, process) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            error.report(streams.errors);
            return error.exit();
        }
    };
    let mut session = Session {
        client,
        format: options.output,
        process,
        streams,
    };
    command(&mut session).await.unwrap_or_else(|error| {
        error.report(session.streams.errors);
        error.exit()
    })
}

async fn dispatch(
    command: Command,
    patience: Duration,
    session: &mut Session<'_>,
) -> Result<Exit, Error> {
    let command = match command {
        Command::Bots(command) => *command,
        Command::Mods(command) => return mods::run(*command, session).await,
        Command::Commands(command) => return commands::run(command, session).await,
        Command::Network(command) => return network::run(*command, session).await,
        Command::Reload(args) => return reload::run(&args, session).await,
        Command::Fleet(command) => return fleet::run(command, patience, session).await,
        Command::Check(args) => return check::run(&args, session),
        Command::Resolve(args) => return resolve::run(&args, session),
        Command::Diff(args) => return plan::diff(&args, session).await,
        Command::Apply(args) => return apply::run(&args, patience, session).await,
        Command::Init(args) => return init::run(&args, session),
        Command::Health => return health::run(session).await,
    };
    match command {
        BotsCommand::List(args) => list::run(args, session).await,
        BotsCommand::Get { id } => bot::get(&id, session).await,
        BotsCommand::Put(args) => put::run(args, session).await,
        BotsCommand::Delete(args) => bot::delete(&args, session).await,
        BotsCommand::Activate(args) => bot::set_service(&args, Service::On, session).await,
        BotsCommand::Deactivate(args) => bot::set_service(&args, Service::Off, session).await,
        BotsCommand::History(args) => history::run(args, session).await,
        BotsCommand::Diff(args) => diff::run(args, session).await,
        BotsCommand::Rollback(args) => rollback::run(args, session).await,
        BotsCommand::Reload { id } => reload::bot(&id, session).await,
        BotsCommand::Instance { id } => bot::instance(&id, session).await,
        BotsCommand::Chat(args) => chat::run(args, session).await,
        BotsCommand::Watch(args) => watch::run(args, session).await,
    }
}
