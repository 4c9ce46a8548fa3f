use std::str::FromStr;

use clap::Args;
use hotbed_api::Registration;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{Status, status_word};
use crate::error::Error;
use crate::exit::Exit;
use crate::options::Format;
use crate::session::Session;
use crate::table::Table;
use crate::time::shown_time;

/// Registrations asked for at once.
const PAGE: u64 = 500;

/// Which bots to list, and how.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hotbed bots list
  hotbed bots list --status active --filter team=support --filter tier=2
  hotbed bots list --sort updated_at:desc --limit 10")]
pub struct ListArgs {
    /// Only bots of this status
    #[arg(long)]
    status: Option<Status>,
    /// Only bots with this in their metadata. The value is JSON if it can be read as JSON, and text if not; several
    /// must all hold
    #[arg(long = "filter", value_name = "KEY=VALUE")]
    filters: Vec<MetadataFilter>,
    /// The order: `bot_id`, `status`, `revision`, `version`, `created_at`, `updated_at`, `last_accessed_at` or
    /// `metadata.KEY`, with `:desc` for the largest first; several break ties. By id unless given
    #[arg(long = "sort", value_name = "FIELD[:desc]")]
    sort: Vec<String>,
    /// At most so many
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
}

/// A key of the metadata and the value it must have.
#[derive(Debug, Clone, PartialEq)]
pub struct MetadataFilter {
    key: String,
    value: Value,
}

impl FromStr for MetadataFilter {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text.split_once('=') {
            None | Some(("", _)) => Err("it must be KEY=VALUE"),
            Some((key, value)) => Ok(Self {
                key: key.to_owned(),
                value: serde_json::from_str(value).unwrap_or_else(|_| Value::from(value)),
            }),
        }
    }
}

/// A page whose registrations are still the text that the server sent.
#[derive(Deserialize, Serialize)]
struct RawPage {
    items: Vec<Box<RawValue>>,
    next: Option<String>,
}

pub(crate) async fn run(args: ListArgs, session: &mut Session<'_>) -> Result<Exit, Error> {
    let all = fetch(&args, session).await?;
    match session.format {
        Format::Json => {
            let json = serde_json::to_string(&all).expect("texts and JSON can be written as JSON");
            session.print_json(&json)?;
        }
        Format::Table => {
            let mut table = Table::default();
            table.row(["ID", "STATUS", "REVISION", "VERSION", "UPDATED"]);
            for item in &all.items {
                let it: Registration = session.client.understand(item.get())?;
                let (revision, version) = (it.revision.to_string(), it.version.to_string());
                table.row([
                    &it.id,
                    status_word(it.status),
                    &revision,
                    &version,
                    &shown_time(it.updated_at),
                ]);
            }
            session.print(|output| table.write(output))?;
            if all.next.is_some() {
                session.note("there may be more: raise --limit to see them");
            }
        }
    }
    Ok(Exit::Done)
}

/// Fetches page after page until there is no other, or there are enough.
async fn fetch(args: &ListArgs, session: &Session<'_>) -> Result<RawPage, Error> {
    let mut all = RawPage {
        items: Vec::new(),
        next: None,
    };
    loop {
        let wanted = args
            .limit
            .map(|limit| limit.saturating_sub(all.items.len() as u64));
        let mut query = query(args);
        // A listing in another order than by id has no cursor, so it comes as one page.
        let limit = if args.sort.is_empty() {
            Some(wanted.unwrap_or(PAGE).min(PAGE))
        } else {
            wanted
        };
        query.extend(limit.map(|limit| ("limit", limit.to_string())));
        query.extend(all.next.take().map(|next| ("after", next)));
        let answer = session
            .client
            .send(session.client.get(&["bots"]).query(&query))
            .await?;
        let page: RawPage = session.client.understand(&answer.body)?;
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

fn query(args: &ListArgs) -> Vec<(&'static str, String)> {
    let mut query = Vec::new();
    query.extend(
        args.status
            .map(|status| ("status", status.as_str().to_owned())),
    );
    if !args.filters.is_empty() {
        let filter: Map<_, _> = args
            .filters
            .iter()
            .map(|it| (it.key.clone(), it.value.clone()))
            .collect();
        query.push(("filter_metadata", Value::Object(filter).to_string()));
    }
    query.extend(args.sort.iter().map(|sort| ("sort", sort.clone())));
    query
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_filter_is_json_where_it_can_be_and_text_where_not() {
        let filter = |text: &str| text.parse::<MetadataFilter>().map(|it| (it.key, it.value));
        assert_eq!(
            filter("team=support"),
            Ok(("team".into(), json!("support")))
        );
        assert_eq!(filter("tier=2"), Ok(("tier".into(), json!(2))));
        assert_eq!(filter("tier=\"2\""), Ok(("tier".into(), json!("2"))));
        assert_eq!(filter("a=b=c"), Ok(("a".into(), json!("b=c"))));
        assert_eq!(filter("empty="), Ok(("empty".into(), json!(""))));
        assert!(filter("=x").is_err());
        assert!(filter("x").is_err());
    }
}
