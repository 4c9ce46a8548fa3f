//! Says what a reload of one id would do.

use std::collections::BTreeSet;

use hotbed_api::{Instance, InstanceState, Mod, ModList, ReloadOutcome};
use serde::Serialize;

use super::named::Named;
use super::word;
use crate::error::Error;
use crate::exit::Exit;
use crate::options::{Format, Name};
use crate::printable::Line;
use crate::session::Session;

/// What would become of one thing.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Foretold {
    kind: &'static str,
    id: String,
    /// Nothing if the reload would be refused.
    would: Option<ReloadOutcome>,
    why: String,
    /// What would be built anew with it.
    with: BTreeSet<String>,
}

pub(super) async fn run(id: &Name, session: &mut Session<'_>) -> Result<Exit, Error> {
    let found = Named::find(id, session).await?;
    let mut foretold = Vec::new();
    if let Some(answer) = found.bot {
        foretold.push(of_bot(session.client.understand(&answer.body)?));
    }
    if let Some(answer) = found.module {
        let it: Mod = session.client.understand(&answer.body)?;
        let others = session.client.send(session.client.get(&["mods"])).await?;
        let others: ModList = session.client.understand(&others.body)?;
        foretold.push(of_mod(it, &others.items));
    }
    match session.format {
        Format::Json => {
            let document = serde_json::json!({"would": foretold});
            session.print_json(&document.to_string())?;
        }
        Format::Table => session.print(|output| {
            let mut lines = foretold.iter().map(sentence);
            lines.try_for_each(|line| writeln!(output, "{}", Line(&line)))
        })?,
    }
    let is_refused = foretold.iter().any(|it| it.would.is_none());
    Ok(if is_refused { Exit::Failed } else { Exit::Done })
}

fn sentence(it: &Foretold) -> String {
    let would = it.would.map_or("refused", word);
    let mut told = format!("the {} {} would be {would}: {}", it.kind, it.id, it.why);
    if !it.with.is_empty() {
        let with: Vec<&str> = it.with.iter().map(String::as_str).collect();
        told.push_str("; and with it ");
        told.push_str(&with.join(", "));
    }
    told
}

fn of_bot(it: Instance) -> Foretold {
    let newest = it.observed;
    let (would, why) = match (it.state, it.revision) {
        (InstanceState::Inactive | InstanceState::Absent, _) => (
            ReloadOutcome::Removed,
            "it is out of service, and nothing is built of it".to_owned(),
        ),
        (_, Some(serves)) => (
            ReloadOutcome::Refreshed,
            format!("revision {serves} serves now, revision {newest} is the newest"),
        ),
        (_, None) => (
            ReloadOutcome::Added,
            format!("nothing serves now, revision {newest} is the newest"),
        ),
    };
    Foretold {
        kind: "bot",
        id: it.id,
        would: Some(would),
        why,
        with: BTreeSet::new(),
    }
}

fn of_mod(it: Mod, all: &[Mod]) -> Foretold {
    let (would, why, with) = match it.generation {
        _ if !it.enabled => (
            None,
            "it is disabled: enable it first".to_owned(),
            BTreeSet::new(),
        ),
        Some(generation) => (
            Some(ReloadOutcome::Refreshed),
            format!("generation {generation} serves now"),
            dependents(&it.id, all),
        ),
        None => (
            Some(ReloadOutcome::Added),
            "nothing serves now".to_owned(),
            dependents(&it.id, all),
        ),
    };
    Foretold {
        kind: "mod",
        id: it.id,
        would,
        why,
        with,
    }
}

/// The mods in service that depend on one, directly or through others.
fn dependents(id: &str, all: &[Mod]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut looked_at = vec![id];
    while let Some(id) = looked_at.pop() {
        let needs = |it: &&Mod| {
            let manifest = it.manifest.as_ref();
            it.generation.is_some()
                && manifest.is_some_and(|manifest| manifest.dependencies.iter().any(|of| of == id))
        };
        for it in all.iter().filter(needs) {
            if found.insert(it.id.clone()) {
                looked_at.push(&it.id);
            }
        }
    }
    found
}
