use hotbed_api::{Mod, ModHealth};
use serde_json::Value;

use super::{ask, shown_state};
use crate::error::Error;
use crate::exit::Exit;
use crate::json::pretty;
use crate::options::{Format, Name};
use crate::session::Session;
use crate::table::Table;
use crate::time::shown_time;

pub(super) async fn run(id: &Name, session: &mut Session<'_>) -> Result<Exit, Error> {
    let answer = ask(session.client.get(&["mods", id.as_str()]), session).await?;
    match session.format {
        Format::Json => session.print_json(&answer.body)?,
        Format::Table => {
            let it: Mod = session.client.understand(&answer.body)?;
            let table = told(&it);
            let config = pretty(&Value::Object(it.config).to_string());
            session.print(|output| {
                table.write(output)?;
                writeln!(output, "CONFIG\n{config}")
            })?;
        }
    }
    Ok(Exit::Done)
}

fn told(it: &Mod) -> Table<2> {
    let mut table = Table::default();
    table.row(["ID", &it.id]);
    table.row(["PATH", &it.path]);
    if let Some(manifest) = &it.manifest {
        let version = format!("{} {}", manifest.name, manifest.version);
        table.row(["WHAT", &format!("{version}: {}", manifest.description)]);
    }
    table.row(["STATE", shown_state(it)]);
    if let Some(error) = &it.error {
        table.row(["ERROR", error]);
    }
    table.row(["GENERATION", &serving(it)]);
    let revision = it.revision.map_or("none".into(), |it| it.to_string());
    table.row(["REVISION", &revision]);
    table.row(["PRIORITY", &it.priority.to_string()]);
    if let Some(manifest) = &it.manifest {
        table.row(["NEEDS", &listed(&manifest.dependencies)]);
        table.row(["EVENTS", &listed(&manifest.events)]);
        table.row(["COMMANDS", &listed(&manifest.words)]);
    }
    table.row(["CHANNELS", &listed(&it.scopes)]);
    table.row(["PERMISSIONS", &listed(&it.permissions)]);
    if let Some(health) = &it.health {
        table.row(["HEALTH", &well(health)]);
    }
    let calls = &it.calls;
    let mut told = format!(
        "{} done, {} failed, {} refused",
        calls.done, calls.failed, calls.refused
    );
    if let Some(error) = &calls.last_error {
        told = format!("{told}: {error}");
    }
    table.row(["CALLS", &told]);
    let metadata = Value::Object(it.metadata.clone());
    table.row(["METADATA", &metadata.to_string()]);
    table
}

fn serving(it: &Mod) -> String {
    let Some(generation) = it.generation else {
        return "none".to_owned();
    };
    let since = it
        .loaded_at
        .map_or(String::new(), |at| format!(" since {}", shown_time(at)));
    match it.serves {
        Some(revision) => format!("{generation} from revision {revision}{since}"),
        None => format!("{generation}{since}"),
    }
}

/// How a mod says that it is, as a sentence.
fn well(health: &ModHealth) -> String {
    let word = if health.healthy { "well" } else { "not well" };
    if health.message.is_empty() {
        word.to_owned()
    } else {
        format!("{word}: {}", health.message)
    }
}

fn listed(texts: &[String]) -> String {
    if texts.is_empty() {
        "none".to_owned()
    } else {
        texts.join(", ")
    }
}
