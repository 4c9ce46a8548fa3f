use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Subcommand};
use hotbed_api::{Fleet, FleetNode, NodeProgress, Readiness};
use tokio::time::{Instant, sleep};

use crate::error::Error;
use crate::exit::Exit;
use crate::options::Format;
use crate::session::Session;
use crate::table::Table;
use crate::time::shown_duration;

/// How often the fleet is looked at while it is waited for.
const LOOK: Duration = Duration::from_millis(250);

/// What can be asked about the nodes of a fleet.
#[derive(Debug, Clone, Subcommand)]
pub enum FleetCommand {
    /// Show which node is how far, those first that somebody should look at
    #[command(after_help = "\
Examples:
  hotbed fleet status
  hotbed fleet status --output json")]
    Status,
    /// Wait until enough nodes have applied a revision
    ///
    /// Made for the end of a deployment: ends with 0 as soon as they have, with 1 if they have not within --timeout; the
    /// nodes that are missing are then named.
    #[command(after_help = "\
Examples:
  hotbed fleet wait --revision 41
  hotbed fleet wait --collection bots --revision 41 --for 95% --timeout 30s")]
    Wait(FleetWaitArgs),
}

/// What to wait for.
#[derive(Debug, Clone, Args)]
pub struct FleetWaitArgs {
    /// Of which collection
    #[arg(long, value_name = "NAME", default_value = "bots")]
    collection: String,
    /// The revision that must be applied; the newest that is known when the command begins unless given
    #[arg(long, value_name = "N")]
    revision: Option<u64>,
    /// On which share of the nodes. Silent nodes count as nodes that have not
    #[arg(long = "for", value_name = "SHARE", default_value = "100%")]
    share: Share,
}

/// A part of all nodes, in percent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share(f64);

impl FromStr for Share {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let number = text.strip_suffix('%').unwrap_or(text).parse::<f64>();
        match number {
            Ok(percent) if percent > 0.0 && percent <= 100.0 => Ok(Self(percent)),
            _ => Err("it must be more than 0% and at most 100%"),
        }
    }
}

impl Share {
    /// Whether so many of all are enough.
    #[expect(clippy::cast_precision_loss, reason = "nobody has 2^52 nodes")]
    fn is_reached(self, count: usize, all: usize) -> bool {
        all > 0 && count as f64 * 100.0 >= self.0 * all as f64
    }
}

pub(crate) async fn run(
    command: FleetCommand,
    patience: Duration,
    session: &mut Session<'_>,
) -> Result<Exit, Error> {
    match command {
        FleetCommand::Status => status(session).await,
        FleetCommand::Wait(args) => wait(&args, patience, session).await,
    }
}

async fn status(session: &mut Session<'_>) -> Result<Exit, Error> {
    let answer = session.client.send(session.client.get(&["fleet"])).await?;
    let fleet: Fleet = session.client.understand(&answer.body)?;
    match session.format {
        Format::Json => session.print_json(&answer.body)?,
        Format::Table => {
            let (nodes, failures) = (nodes(&fleet), failures(&fleet));
            session.print(|output| {
                for (name, desired) in &fleet.desired {
                    writeln!(
                        output,
                        "{name}: revision {} on {} of {} nodes",
                        desired.revision, desired.applied_by, desired.nodes
                    )?;
                }
                writeln!(output)?;
                nodes.write(output)?;
                match failures {
                    None => Ok(()),
                    Some(table) => {
                        writeln!(output)?;
                        table.write(output)
                    }
                }
            })?;
        }
    }
    for node in fleet.nodes.iter().filter(|node| node.duplicate) {
        session.warn(&format!(
            "two nodes are named {}: give each its own --node-id",
            node.node
        ));
    }
    Ok(Exit::Done)
}

async fn wait(
    args: &FleetWaitArgs,
    patience: Duration,
    session: &mut Session<'_>,
) -> Result<Exit, Error> {
    let applied = applied(args, patience, session).await?;
    match session.format {
        Format::Json => session.print_json(&applied.body)?,
        Format::Table => session.print(|output| writeln!(output, "{}", applied.told))?,
    }
    for warning in &applied.missing {
        session.warn(warning);
    }
    Ok(applied.exit())
}

/// How far a fleet has come when enough of it had come so far, or nobody would wait any longer.
pub(crate) struct Applied {
    /// What the server said of the fleet last.
    body: String,
    /// How many nodes have applied the revision, as a sentence.
    pub(crate) told: String,
    /// Which nodes have not, and why, unless enough others have.
    pub(crate) missing: Vec<String>,
}

impl Applied {
    pub(crate) fn exit(&self) -> Exit {
        if self.missing.is_empty() {
            Exit::Done
        } else {
            Exit::Failed
        }
    }
}

impl FleetWaitArgs {
    /// To wait until every node has applied what was written to the bots.
    pub(crate) fn for_bots(revision: Option<u64>) -> Self {
        Self {
            collection: "bots".to_owned(),
            revision,
            share: Share(100.0),
        }
    }
}

/// Waits until enough nodes have applied a revision, or until patience ends.
pub(crate) async fn applied(
    args: &FleetWaitArgs,
    patience: Duration,
    session: &Session<'_>,
) -> Result<Applied, Error> {
    let deadline = Instant::now() + patience;
    let mut wanted = args.revision;
    loop {
        let answer = session.client.send(session.client.get(&["fleet"])).await?;
        let fleet: Fleet = session.client.understand(&answer.body)?;
        let collection = &args.collection;
        let known = fleet.desired.get(collection);
        let revision = *wanted.get_or_insert(known.map_or(0, |desired| desired.revision));
        let missing = missing(&fleet, collection, revision);
        let (all, count) = (fleet.nodes.len(), fleet.nodes.len() - missing.len());
        let enough = args.share.is_reached(count, all);
        if enough || Instant::now() >= deadline {
            let tell = |node: &&FleetNode| {
                let why = why(node, collection);
                format!("{} has not applied it: {why}", node.node)
            };
            return Ok(Applied {
                told: format!("{collection}: revision {revision} on {count} of {all} nodes"),
                missing: missing.iter().filter(|_| !enough).map(tell).collect(),
                body: answer.body,
            });
        }
        sleep(LOOK.min(deadline.saturating_duration_since(Instant::now()))).await;
    }
}

/// The nodes that have not applied a revision, or can no longer say so.
fn missing<'a>(fleet: &'a Fleet, collection: &str, revision: u64) -> Vec<&'a FleetNode> {
    let has_not = |node: &&FleetNode| {
        let progress = node.collections.get(collection);
        node.silent || progress.is_none_or(|it| it.applied < revision)
    };
    fleet.nodes.iter().filter(has_not).collect()
}

fn why(node: &FleetNode, collection: &str) -> String {
    let heard = shown_duration(node.heard_ago_ms);
    match node.collections.get(collection) {
        _ if node.silent => format!("not heard for {heard}"),
        None => "it knows no such collection".into(),
        Some(it) => format!("it is at revision {}{}", it.applied, flaws(it)),
    }
}

fn flaws(it: &NodeProgress) -> String {
    let stale = if it.stale { ", stale" } else { "" };
    let failing = match it.failing {
        0 => String::new(),
        count => format!(", {count} failing"),
    };
    format!("{stale}{failing}")
}

fn nodes(fleet: &Fleet) -> Table<8> {
    let mut table = Table::default();
    table.row([
        "NODE",
        "STATE",
        "COLLECTION",
        "APPLIED",
        "BEHIND",
        "FAILING",
        "HEARD",
        "WHAT",
    ]);
    for node in &fleet.nodes {
        let name = if node.is_self {
            format!("{} (this one)", node.node)
        } else {
            node.node.clone()
        };
        let what = format!(
            "hotbed {} on {} at {}, pid {}, {}",
            node.version, node.host, node.address, node.pid, node.environment
        );
        let heard = format!("{} ago", shown_duration(node.heard_ago_ms));
        if node.collections.is_empty() {
            table.row([&name, state(node, None), "", "", "", "", &heard, &what]);
        }
        for (collection, it) in &node.collections {
            let behind = match it.behind_by {
                0 => "-".to_owned(),
                by => by.to_string(),
            };
            table.row([
                &name,
                state(node, Some(it)),
                collection,
                &it.applied.to_string(),
                &behind,
                &it.failing.to_string(),
                &heard,
                &what,
            ]);
        }
    }
    table
}

fn state(node: &FleetNode, progress: Option<&NodeProgress>) -> &'static str {
    if node.silent {
        "silent"
    } else if progress.is_some_and(|it| it.stale) {
        "stale"
    } else {
        match node.readiness {
            Readiness::Starting => "starting",
            Readiness::Ready => "ready",
            Readiness::Draining => "draining",
        }
    }
}

fn failures(fleet: &Fleet) -> Option<Table<4>> {
    let mut table = Table::default();
    table.row(["FAILED", "NODE", "SERVES", "ERROR"]);
    let mut any = false;
    for node in &fleet.nodes {
        for failure in node.collections.values().flat_map(|it| &it.failures) {
            any = true;
            let serves = failure
                .serves
                .map_or("nothing".into(), |revision| format!("revision {revision}"));
            table.row([&failure.id, &node.node, &serves, &failure.error]);
        }
    }
    any.then_some(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_reached_when_so_many_nodes_are_there() {
        let share: Share = "95%".parse().unwrap();
        assert!(share.is_reached(95, 100));
        assert!(share.is_reached(19, 20));
        assert!(!share.is_reached(18, 20));
        assert!(!share.is_reached(0, 0), "without nodes nothing is reached");
        assert!("100".parse::<Share>().unwrap().is_reached(3, 3));
        for bad in ["", "0%", "101%", "-1%", "NaN", "many"] {
            assert!(bad.parse::<Share>().is_err(), "{bad}");
        }
    }
}
