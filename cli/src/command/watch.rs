use clap::Args;
use hotbed_api::{Change, ChangeKind, ChangeLog, Compacted};
use reqwest::RequestBuilder;
use tokio::time::sleep;

use crate::backoff::Backoff;
use crate::client::{Event, Events};
use crate::error::Error;
use crate::exit::Exit;
use crate::options::{BotId, Format};
use crate::printable::Line;
use crate::session::Session;
use crate::time::shown_time;

/// The name of the header that tells a server where to go on.
const LAST_EVENT_ID: &str = "last-event-id";

/// Which changes to print.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hotbed bots watch
  hotbed bots watch greeter --after 0 --count 1
  hotbed bots watch --output json")]
pub struct WatchArgs {
    /// Only changes of this bot
    id: Option<BotId>,
    /// Begin with the first change after this revision; 0 is the whole log. Unless given, with what happens from now on
    #[arg(long, value_name = "REVISION")]
    after: Option<u64>,
    /// End after so many changes
    #[arg(long, value_name = "N")]
    count: Option<u64>,
}

/// What is yet to be printed.
struct Watch {
    id: Option<BotId>,
    /// Everything up to this revision was seen.
    cursor: u64,
    /// So many changes are still wanted.
    wanted: Option<u64>,
}

pub(crate) async fn run(args: WatchArgs, session: &mut Session<'_>) -> Result<Exit, Error> {
    let WatchArgs { id, after, count } = args;
    // A server that cannot be reached at first is more likely a wrong address than one that will be back.
    let cursor = match after {
        Some(after) => after,
        None => head(session).await?,
    };
    let mut watch = Watch {
        id,
        cursor,
        wanted: count,
    };
    let mut backoff = Backoff::default();
    let mut events = watch.open(session).await?;
    loop {
        let lost = watch.follow(&mut events, session).await?;
        let Some(reason) = lost else {
            return Ok(Exit::Done);
        };
        session.note(&format!("connection lost ({reason}), connecting again"));
        events = watch.reopen(&mut backoff, session).await?;
    }
}

/// Where the log ends. Known from the start, so that a connection lost before the first change loses none.
async fn head(session: &Session<'_>) -> Result<u64, Error> {
    let answer = session.client.send(changes(session)).await?;
    let log: ChangeLog = session.client.understand(&answer.body)?;
    Ok(log.next)
}

fn changes(session: &Session<'_>) -> RequestBuilder {
    session
        .client
        .get(&["changes"])
        .query(&[("collection", "bots")])
}

impl Watch {
    async fn open(&self, session: &Session<'_>) -> Result<Events, Error> {
        let request = changes(session)
            .query(&[("after", self.cursor)])
            .header(LAST_EVENT_ID, self.cursor);
        session.client.open(request).await
    }

    /// Tries until the server is back, or refuses.
    async fn reopen(
        &self,
        backoff: &mut Backoff,
        session: &mut Session<'_>,
    ) -> Result<Events, Error> {
        loop {
            sleep(backoff.next_delay()).await;
            match self.open(session).await {
                Ok(events) => {
                    session.note("connected again");
                    return Ok(events);
                }
                Err(error) if error.may_pass() => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Prints changes until the stream ends: then why, or none if there were enough.
    async fn follow(
        &mut self,
        events: &mut Events,
        session: &mut Session<'_>,
    ) -> Result<Option<String>, Error> {
        while self.wanted != Some(0) {
            match events.next().await {
                Ok(Some(event)) => self.show(&event, session)?,
                Ok(None) => return Ok(Some("the server ended it".into())),
                Err(error) => return Ok(Some(error.to_string())),
            }
        }
        Ok(None)
    }

    fn show(&mut self, event: &Event, session: &mut Session<'_>) -> Result<(), Error> {
        match event.name.as_str() {
            "change" => {
                let change: Change = session.client.understand(&event.data)?;
                self.cursor = change.revision;
                if self.id.as_ref().is_some_and(|id| id.as_str() != change.id) {
                    return Ok(());
                }
                self.wanted = self.wanted.map(|wanted| wanted.saturating_sub(1));
                match session.format {
                    Format::Json => session.print_json_line(&event.data),
                    Format::Table => {
                        session.print(|output| writeln!(output, "{}", change_line(&change)))
                    }
                }
            }
            "compacted" => {
                let Compacted { oldest, head } = session.client.understand(&event.data)?;
                self.cursor = head;
                session.note(&format!(
                    "the log was compacted: it begins with revision {oldest}; going on after {head}. \
                     See what there is now with: hotbed bots list"
                ));
                match session.format {
                    // A program must know that it has missed something.
                    Format::Json => session.print_json_line(&event.data),
                    Format::Table => Ok(()),
                }
            }
            // Servers may come to tell more than this client knows of.
            _ => Ok(()),
        }
    }
}

fn change_line(change: &Change) -> String {
    let kind = match change.kind {
        ChangeKind::Created => "created",
        ChangeKind::Updated => "updated",
        ChangeKind::Activated => "activated",
        ChangeKind::Deactivated => "deactivated",
        ChangeKind::Deleted => "deleted",
    };
    // The id comes last: nothing must be aligned after a text of any width.
    format!(
        "{}  {:>6}  {kind:<11}  {}",
        shown_time(change.at),
        change.revision,
        Line(&change.id)
    )
}
