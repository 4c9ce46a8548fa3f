use clap::Args;
use hotbed_api::Registration;
use hotbed_deploy::{Difference, differences, written};
use serde_json::{Value, json};

use super::history::version_before;
use super::status_word;
use crate::error::Error;
use crate::exit::Exit;
use crate::options::{Format, Name};
use crate::printable::Line;
use crate::session::Session;
use crate::time::shown_time;

/// The keys of the metadata that are about the write and not about what was written.
const NOTE: [&str; 2] = ["changed_by", "change_reason"];

/// Which versions of a bot to compare.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hotbed bots diff greeter
  hotbed bots diff greeter --from 41
  hotbed bots diff greeter --from 41 --to 43 --exit-code")]
pub struct DiffArgs {
    /// The bot
    id: Name,
    /// The revision of the older version; the one before the newer unless given
    #[arg(long, value_name = "N")]
    from: Option<u64>,
    /// The revision of the newer version; what stands now unless given
    #[arg(long, value_name = "N")]
    to: Option<u64>,
    /// End with exit code 2 if there are differences
    #[arg(long)]
    exit_code: bool,
}

pub(crate) async fn run(args: DiffArgs, session: &mut Session<'_>) -> Result<Exit, Error> {
    let to = version(&args.id, args.to, session).await?;
    let from = match args.from {
        Some(from) => Some(from),
        None => version_before(&args.id, to.revision, session).await?,
    };
    let Some(from) = from else {
        return Err(Error::NoEarlierVersion {
            id: args.id.as_str().to_owned(),
            revision: to.revision,
        });
    };
    let from = version(&args.id, Some(from), session).await?;
    let found = differences(&content(&from), &content(&to));
    match session.format {
        Format::Json => {
            let document = json!({
                "id": to.id, "from": from.revision, "to": to.revision, "differences": found,
            });
            session.print_json(&document.to_string())?;
        }
        Format::Table => print(&from, &to, &found, session)?,
    }
    Ok(if args.exit_code && !found.is_empty() {
        Exit::Differs
    } else {
        Exit::Done
    })
}

async fn version(
    id: &Name,
    revision: Option<u64>,
    session: &Session<'_>,
) -> Result<Registration, Error> {
    let query: Vec<_> = revision.map(|it| ("revision", it)).into_iter().collect();
    let request = session.client.get(&["bots", id.as_str()]).query(&query);
    let answer = session.client.send(request).await?;
    session.client.understand(&answer.body)
}

/// What a writer says: neither when, nor how often, nor the note of the write.
fn content(version: &Registration) -> Value {
    written(
        status_word(version.status),
        &version.config,
        &version.metadata,
    )
}

fn print(
    from: &Registration,
    to: &Registration,
    found: &[Difference],
    session: &mut Session<'_>,
) -> Result<(), Error> {
    session.print(|output| {
        writeln!(output, "--- {}", Line(&heading(from)))?;
        writeln!(output, "+++ {}", Line(&heading(to)))?;
        if found.is_empty() {
            writeln!(output, "no difference")?;
        }
        for difference in found {
            writeln!(output, "{}", Line(&difference.name()))?;
            for (sign, line) in difference.lines() {
                writeln!(output, "  {sign} {}", Line(&line))?;
            }
        }
        Ok(())
    })
}

/// Which version it is, and what its writer said.
fn heading(version: &Registration) -> String {
    let mut heading = format!(
        "revision {}, {}",
        version.revision,
        shown_time(version.updated_at)
    );
    let said = |key| version.metadata.get(key).and_then(Value::as_str);
    for (before, text) in [(", by ", said(NOTE[0])), (": ", said(NOTE[1]))] {
        if let Some(text) = text {
            heading.push_str(before);
            heading.push_str(text);
        }
    }
    heading
}
