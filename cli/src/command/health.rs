use hotbed_api::{Admission, Health, HealthStatus, Readiness, RegistryState};
use reqwest::StatusCode;

use super::bot::state_word;
use crate::error::Error;
use crate::exit::Exit;
use crate::options::Format;
use crate::session::Session;
use crate::table::Table;
use crate::time::shown_duration;

pub(crate) async fn run(session: &mut Session<'_>) -> Result<Exit, Error> {
    // A server that is not well says so in the status as well, with the same body.
    let answer = session
        .client
        .send_expecting(
            session.client.get(&["health"]),
            StatusCode::SERVICE_UNAVAILABLE,
        )
        .await?;
    let health: Health = session.client.understand(&answer.body)?;
    match session.format {
        Format::Json => session.print_json(&answer.body)?,
        Format::Table => {
            let summary = summary(&health);
            let failures = failures(&health);
            session.print(|output| {
                summary.write(output)?;
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
    for warning in &health.warnings {
        session.warn(warning);
    }
    let well = health.status == HealthStatus::Ok && health.readiness == Readiness::Ready;
    Ok(if well { Exit::Done } else { Exit::Failed })
}

fn summary(it: &Health) -> Table<2> {
    let mut table = Table::default();
    table.row([
        "STATUS",
        &format!(
            "{}, {}",
            status_word(it.status),
            readiness_word(it.readiness)
        ),
    ]);
    table.row([
        "SERVER",
        &format!("hotbed {}, up {}", it.version, shown_duration(it.uptime_ms)),
    ]);
    table.row(["NODE", &it.node]);
    table.row(["ENVIRONMENT", &it.environment]);
    table.row(["REGISTRY", &registry(it)]);
    table.row([
        "BUS",
        &format!("{}, reload is {}", it.bus.location, it.bus.mode),
    ]);
    table.row(["FRESHNESS", &freshness(it)]);
    let cache = &it.cache;
    table.row([
        "CACHE",
        &format!(
            "{} ids, {} instances; {} hits, {} misses, {} builds, {} failed",
            cache.size,
            cache.instances,
            cache.hits,
            cache.misses,
            cache.builds,
            cache.build_failures
        ),
    ]);
    if it.mods.wanted > 0 {
        table.row(["MODS", &mods(it)]);
    }
    table
}

fn mods(it: &Health) -> String {
    let mods = &it.mods;
    let mut told = vec![format!("{} of {} are well", mods.well, mods.wanted)];
    let failing = mods.failing.iter();
    told.extend(failing.map(|it| format!("{}: {}", it.id, it.error)));
    told.join("; ")
}

fn registry(it: &Health) -> String {
    let registry = &it.registry;
    let admission = match registry.admission {
        Admission::Permissive => "permissive",
        Admission::Strict => "strict",
    };
    let mut facts = vec![registry.location.clone(), admission.to_owned()];
    if let (Some(registrations), Some(active)) = (registry.registrations, registry.active) {
        facts.push(format!("{registrations} bots, {active} active"));
    }
    facts.extend(registry.head.map(|head| format!("at revision {head}")));
    if registry.state == RegistryState::Unreachable {
        facts.push("cannot be reached".into());
    }
    told(&facts, registry.error.as_deref())
}

fn freshness(it: &Health) -> String {
    let freshness = &it.freshness;
    let confirmed = match freshness.confirmed_ago_ms {
        Some(ago) => format!("confirmed {} ago", shown_duration(ago)),
        None => "never confirmed".into(),
    };
    let mut facts = vec![
        format!("follows to revision {}", freshness.revision),
        confirmed,
    ];
    if freshness.behind_by > 0 {
        facts.push(format!(
            "{} revisions behind for {}",
            freshness.behind_by,
            shown_duration(freshness.behind_for_ms)
        ));
    }
    if freshness.stale {
        facts.push("stale".into());
    }
    told(&facts, freshness.error.as_deref())
}

fn told(facts: &[String], error: Option<&str>) -> String {
    let facts = facts.join(", ");
    match error {
        Some(error) => format!("{facts}: {error}"),
        None => facts,
    }
}

fn failures(it: &Health) -> Option<Table<4>> {
    if it.failures.items.is_empty() {
        return None;
    }
    let mut table = Table::default();
    table.row(["FAILED", "STATE", "SERVES", "ERROR"]);
    for failed in &it.failures.items {
        let serves = failed
            .revision
            .map_or("nothing".into(), |revision| format!("revision {revision}"));
        let error = failed.error.as_ref().map_or("", |error| &error.message);
        table.row([&failed.id, state_word(failed.state), &serves, error]);
    }
    let shown = it.failures.items.len() as u64;
    if it.failures.total > shown {
        table.row([
            &format!("… and {} more", it.failures.total - shown),
            "",
            "",
            "",
        ]);
    }
    Some(table)
}

fn status_word(status: HealthStatus) -> &'static str {
    match status {
        HealthStatus::Ok => "ok",
        HealthStatus::Degraded => "degraded",
        HealthStatus::Stale => "stale",
        HealthStatus::Down => "down",
    }
}

fn readiness_word(readiness: Readiness) -> &'static str {
    match readiness {
        Readiness::Starting => "starting",
        Readiness::Ready => "ready",
        Readiness::Draining => "draining",
    }
}
