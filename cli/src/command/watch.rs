use clap::Args;
use hotbed_api::{Change, Compacted, Problem};
use tokio::time::sleep;

use super::kind_word;
use crate::backoff::Backoff;
use crate::client::{Event, Events};
use crate::error::Error;
use crate::exit::Exit;
use crate::options::{Format, Name};
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
    id: Option<Name>,
    /// Begin with the first change after this revision; 0 is the whole log. Unless given, with what happens from now on
    #[arg(long, value_name = "REVISION")]
    after: Option<u64>,
    /// End after so many changes
    #[arg(long, value_name = "N")]
    count: Option<u64>,
}

/// What is yet to be printed.
struct Watch {
    id: Option<Name>,
    /// Everything up to this revision was seen; none is: from now on.
    cursor: Option<u64>,
    /// So many changes are still wanted.
    wanted: Option<u64>,
}

/// Why a stream of changes ended.
enum End {
    /// So many changes as were wanted are printed.
    Enough,
    /// The server could not go on from where it was asked to; it can from the cursor as it is now.
    Compacted,
    /// For this reason, which may pass.
    Lost(String),
}

pub(crate) async fn run(args: WatchArgs, session: &mut Session<'_>) -> Result<Exit, Error> {
    let WatchArgs { id, after, count } = args;
    let mut watch = Watch {
        id,
        cursor: after,
        wanted: count,
    };
    let mut backoff = Backoff::default();
    // A server that cannot be reached at first is more likely a wrong address than one that will be back.
    let mut events = watch.open(session).await?;
    loop {
        match watch.follow(&mut events, session).await? {
            End::Enough => return Ok(Exit::Done),
            End::Compacted => events = watch.reopen(&mut backoff, session).await?,
            End::Lost(reason) => {
                session.note(&format!("connection lost ({reason}), connecting again"));
                events = watch.reopen(&mut backoff, session).await?;
                session.note("connected again");
            }
        }
    }
}

impl Watch {
    async fn open(&self, session: &Session<'_>) -> Result<Events, Error> {
        let mut request = session
            .client
            .get(&["changes"])
            .query(&[("collection", "bots")]);
        if let Some(cursor) = self.cursor {
            request = request.header(LAST_EVENT_ID, cursor);
        }
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
                Ok(events) => return Ok(events),
                Err(error) if error.may_pass() => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Prints changes until the stream ends.
    async fn follow(
        &mut self,
        events: &mut Events,
        session: &mut Session<'_>,
    ) -> Result<End, Error> {
        while self.wanted != Some(0) {
            let event = match events.next().await {
                Ok(Some(event)) => event,
                Ok(None) => return Ok(End::Lost("the server ended it".into())),
                Err(error) => return Ok(End::Lost(error.to_string())),
            };
            // Also where nothing happened yet: a connection that is lost before the first change loses none.
            if let Some(revision) = event.id.as_ref().and_then(|id| id.parse().ok()) {
                self.cursor = Some(revision);
            }
            match event.name.as_str() {
                "change" => self.show(&event, session)?,
                "compacted" => return self.skip(&event, session),
                "error" => {
                    let problem: Problem = session.client.understand(&event.data)?;
                    let error = Error::Refused(Box::new(problem));
                    return if error.may_pass() {
                        Ok(End::Lost(error.to_string()))
                    } else {
                        Err(error)
                    };
                }
                // Servers may come to tell more than this client knows of.
                _ => {}
            }
        }
        Ok(End::Enough)
    }

    fn show(&mut self, event: &Event, session: &mut Session<'_>) -> Result<(), Error> {
        let change: Change = session.client.understand(&event.data)?;
        if self.id.as_ref().is_some_and(|id| id.as_str() != change.id) {
            return Ok(());
        }
        self.wanted = self.wanted.map(|wanted| wanted.saturating_sub(1));
        match session.format {
            Format::Json => session.print_json_line(&event.data),
            Format::Table => session.print(|output| writeln!(output, "{}", change_line(&change))),
        }
    }

    /// Goes on at the end of a log that no longer reaches back to the cursor, and says so.
    fn skip(&mut self, event: &Event, session: &mut Session<'_>) -> Result<End, Error> {
        let Compacted { oldest, head } = session.client.understand(&event.data)?;
        self.cursor = Some(head);
        session.note(&format!(
            "the log was compacted: it begins with revision {oldest}; going on after {head}. \
             See what there is now with: hotbed bots list"
        ));
        // A program must know that it has missed something.
        if session.format == Format::Json {
            session.print_json_line(&event.data)?;
        }
        Ok(End::Compacted)
    }
}

fn change_line(change: &Change) -> String {
    let kind = kind_word(change.kind);
    // The id comes last: nothing must be aligned after a text of any width.
    format!(
        "{}  {:>6}  {kind:<11}  {}",
        shown_time(change.at),
        change.revision,
        Line(&change.id)
    )
}
