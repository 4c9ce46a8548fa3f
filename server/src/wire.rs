//! Types of the crates below as types on the wire, and back.

use hotbed_api as api;
use hotbed_cache::{FailureKind, Held, InstanceState, Stats};
use hotbed_hotreload::{Freshness, ReloadReport};
use hotbed_registry::{Admission, Change, ChangeKind, Registration, Revision, Status};
use serde_json::{Map, Value};
use std::time::Duration;

pub(crate) fn registration(registration: Registration) -> api::Registration {
    let config = match registration.config.into_value() {
        Value::Object(config) => config,
        // A configuration is an object.
        _ => Map::new(),
    };
    api::Registration {
        bot_id: registration.id.to_string(),
        id: registration.id.to_string(),
        config,
        status: status(registration.status),
        metadata: registration.metadata,
        revision: registration.revision.0,
        version: registration.version,
        created_at: registration.created_at,
        updated_at: registration.updated_at,
        last_accessed_at: registration.last_accessed_at,
    }
}

pub(crate) fn status(status: Status) -> api::Status {
    match status {
        Status::Active => api::Status::Active,
        Status::Inactive => api::Status::Inactive,
        Status::Error => api::Status::Error,
    }
}

pub(crate) fn status_from(status: api::Status) -> Status {
    match status {
        api::Status::Active => Status::Active,
        api::Status::Inactive => Status::Inactive,
        api::Status::Error => Status::Error,
    }
}

pub(crate) fn change(change: &Change) -> api::Change {
    api::Change {
        id: change.id.to_string(),
        revision: change.revision.0,
        kind: change_kind(change.kind),
        at: change.at,
    }
}

pub(crate) fn change_kind(kind: ChangeKind) -> api::ChangeKind {
    match kind {
        ChangeKind::Created => api::ChangeKind::Created,
        ChangeKind::Updated => api::ChangeKind::Updated,
        ChangeKind::Activated => api::ChangeKind::Activated,
        ChangeKind::Deactivated => api::ChangeKind::Deactivated,
        ChangeKind::Deleted => api::ChangeKind::Deleted,
    }
}

pub(crate) fn instance(held: &Held) -> api::Instance {
    api::Instance {
        id: held.id.to_string(),
        state: match held.state {
            InstanceState::Ready => api::InstanceState::Ready,
            InstanceState::Degraded => api::InstanceState::Degraded,
            InstanceState::Failed => api::InstanceState::Failed,
            InstanceState::Inactive => api::InstanceState::Inactive,
            InstanceState::Absent => api::InstanceState::Absent,
            // Pending, and whatever comes that is none of the above.
            _ => api::InstanceState::Pending,
        },
        revision: held.revision.map(|revision| revision.0),
        observed: newest(held).0,
        built_ago_ms: held.age.map(millis),
        retry_in_ms: held.retry_in.map(millis),
        error: held.failure.as_ref().map(|failure| api::InstanceError {
            kind: failure_kind(failure.kind).to_owned(),
            message: failure.message.clone(),
            revision: failure.revision.map(|revision| revision.0),
        }),
    }
}

/// The newest revision that this node knows of: told by the log, built, or tried to build.
fn newest(held: &Held) -> Revision {
    let tried = held.failure.as_ref().and_then(|failure| failure.revision);
    held.observed
        .max(held.revision.unwrap_or_default())
        .max(tried.unwrap_or_default())
}

fn failure_kind(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Registry => "registry",
        FailureKind::Config => "config",
        FailureKind::Panic => "panic",
        FailureKind::Deadline => "deadline",
        // Factory, and whatever comes that is none of the above.
        _ => "factory",
    }
}

pub(crate) fn reload_report(report: ReloadReport) -> api::ReloadReport {
    let ids = |ids: Vec<hotbed_registry::Id>| ids.iter().map(ToString::to_string).collect();
    let failed = |failed: hotbed_hotreload::FailedReload| api::FailedReload {
        id: failed.id.to_string(),
        error: failed.error,
    };
    api::ReloadReport {
        added: ids(report.added),
        refreshed: ids(report.refreshed),
        removed: ids(report.removed),
        failed: report.failed.into_iter().map(failed).collect(),
        mods: api::ModsReport::default(),
    }
}

pub(crate) fn freshness(freshness: Freshness) -> api::Freshness {
    api::Freshness {
        revision: freshness.revision.0,
        head: freshness.head.0,
        behind_by: freshness.behind_by(),
        behind_for_ms: millis(freshness.behind_for),
        confirmed_ago_ms: freshness.confirmed_ago.map(millis),
        stale: freshness.stale,
        error: freshness.error,
    }
}

pub(crate) fn cache(stats: Stats) -> api::CacheHealth {
    api::CacheHealth {
        hits: stats.hits,
        misses: stats.misses,
        builds: stats.builds,
        build_failures: stats.build_failures,
        renewals: stats.renewals,
        evictions: stats.evictions,
        size: stats.size,
        instances: stats.instances,
    }
}

pub(crate) fn admission(admission: Admission) -> api::Admission {
    match admission {
        Admission::Permissive => api::Admission::Permissive,
        Admission::Strict => api::Admission::Strict,
    }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
