use reqwest::RequestBuilder;

use super::BindArgs;
use crate::command::mods::ask;
use crate::error::Error;
use crate::exit::Exit;
use crate::options::Format;
use crate::printable::Line;
use crate::session::Session;

pub(super) async fn bind(args: &BindArgs, session: &mut Session<'_>) -> Result<Exit, Error> {
    let request = session.client.put(&path(args));
    rescope(args, request, ["bound", "to"], session).await
}

pub(super) async fn unbind(args: &BindArgs, session: &mut Session<'_>) -> Result<Exit, Error> {
    let request = session.client.delete(&path(args));
    rescope(args, request, ["unbound", "from"], session).await
}

fn path(args: &BindArgs) -> [&str; 4] {
    [
        "commands",
        args.id.as_str(),
        "scopes",
        args.channel.as_str(),
    ]
}

async fn rescope(
    args: &BindArgs,
    request: RequestBuilder,
    [done, where_to]: [&str; 2],
    session: &mut Session<'_>,
) -> Result<Exit, Error> {
    ask(args.note.in_query(request), session).await?;
    // The answer has no content, so there is nothing to print as JSON.
    if session.format == Format::Table {
        let (id, channel) = (Line(args.id.as_str()), Line(args.channel.as_str()));
        session.print(|output| writeln!(output, "{done} {id} {where_to} {channel}"))?;
    }
    Ok(Exit::Done)
}
