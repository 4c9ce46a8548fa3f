use clap::Args;
use hotbed_api::PastWrite;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{kind_word, status_word};
use crate::error::Error;
use crate::exit::Exit;
use crate::options::{Format, Name};
use crate::session::Session;
use crate::table::Table;
use crate::time::shown_time;

/// Writes asked for at once.
const PAGE: u64 = 200;

/// Whose history to show, and how much of it.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hotbed bots history greeter
  hotbed bots history greeter --limit 10 --before 41")]
pub struct HistoryArgs {
    /// The bot
    id: Name,
    /// Only writes before this revision
    #[arg(long, value_name = "N")]
    before: Option<u64>,
    /// At most so many
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
}

/// A page whose writes are still the text that the server sent.
#[derive(Deserialize, Serialize)]
struct RawPage {
    items: Vec<Box<RawValue>>,
    next: Option<u64>,
}

pub(crate) async fn run(args: HistoryArgs, session: &mut Session<'_>) -> Result<Exit, Error> {
    let all = fetch(&args, session).await?;
    match session.format {
        Format::Json => {
            let json = serde_json::to_string(&all).expect("texts and JSON can be written as JSON");
            session.print_json(&json)?;
        }
        Format::Table => {
            let mut table = Table::default();
            table.row(["REVISION", "WHEN", "KIND", "STATUS", "VERSION", "BY", "WHY"]);
            for item in &all.items {
                let it: PastWrite = session.client.understand(item.get())?;
                table.row([
                    &it.revision.to_string(),
                    &shown_time(it.at),
                    kind_word(it.kind),
                    it.status.map_or("", status_word),
                    &it.version
                        .map_or(String::new(), |version| version.to_string()),
                    it.changed_by.as_deref().unwrap_or_default(),
                    it.change_reason.as_deref().unwrap_or_default(),
                ]);
            }
            session.print(|output| table.write(output))?;
            if let Some(next) = all.next {
                session.note(&format!("there is more: go on with --before {next}"));
            }
        }
    }
    Ok(Exit::Done)
}

/// Fetches page after page until there is no other, or there are enough.
async fn fetch(args: &HistoryArgs, session: &Session<'_>) -> Result<RawPage, Error> {
    let mut all = RawPage {
        items: Vec::new(),
        next: args.before,
    };
    loop {
        let wanted = args
            .limit
            .map_or(PAGE, |limit| limit - all.items.len() as u64);
        let page = page(&args.id, all.next, wanted.min(PAGE), session).await?;
        all.items.extend(page.items);
        all.next = page.next;
        let enough = args
            .limit
            .is_some_and(|limit| all.items.len() as u64 >= limit);
        if enough || all.next.is_none() {
            return Ok(all);
        }
    }
}

async fn page(
    id: &Name,
    before: Option<u64>,
    limit: u64,
    session: &Session<'_>,
) -> Result<RawPage, Error> {
    let mut query = vec![("limit", limit)];
    query.extend(before.map(|before| ("before", before)));
    let request = session.client.get(&["bots", id.as_str(), "history"]);
    let answer = session.client.send(request.query(&query)).await?;
    session.client.understand(&answer.body)
}

/// The newest version before a revision, if one is remembered; deletions are none.
pub(super) async fn version_before(
    id: &Name,
    revision: u64,
    session: &Session<'_>,
) -> Result<Option<u64>, Error> {
    let mut before = Some(revision);
    loop {
        let page = page(id, before, 10, session).await?;
        for item in &page.items {
            let write: PastWrite = session.client.understand(item.get())?;
            if write.status.is_some() {
                return Ok(Some(write.revision));
            }
        }
        before = page.next;
        if before.is_none() {
            return Ok(None);
        }
    }
}
