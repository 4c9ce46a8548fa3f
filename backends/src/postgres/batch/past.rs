use crate::ledger::{Gone, PastWrite};
use crate::postgres::arguments::{Bound, clamp};
use hotbed_registry::Registration;

/// Adds what a transaction makes of the past to the parameters of the statement that writes: the rows to be copied
/// before they are written over, then what never became a row.
pub(super) fn bind(bound: Bound, past: &[PastWrite]) -> Bound {
    let stored = |it: &'_ PastWrite| matches!(it.what, Gone::Stored(_));
    let (copied, given): (Vec<_>, Vec<_>) = past.iter().partition(|it| stored(it));
    let versions = || given.iter().map(|it| version(it));
    bound
        .and(copied.iter().map(|it| id(it)).collect::<Vec<_>>())
        .and(copied.iter().map(|it| clamp(it.by.0)).collect::<Vec<_>>())
        .and(copied.iter().map(|it| it.at).collect::<Vec<_>>())
        .and(given.iter().map(|it| id(it)).collect::<Vec<_>>())
        .and(given.iter().map(|it| revision(it)).collect::<Vec<_>>())
        .and(given.iter().map(|it| clamp(it.by.0)).collect::<Vec<_>>())
        .and(given.iter().map(|it| it.at).collect::<Vec<_>>())
        .and(
            versions()
                .map(|it| Some(clamp(it?.0.version)))
                .collect::<Vec<_>>(),
        )
        .and(
            versions()
                .map(|it| Some(it?.0.status.as_str()))
                .collect::<Vec<_>>(),
        )
        .and(
            versions()
                .map(|it| Some(it?.0.created_at))
                .collect::<Vec<_>>(),
        )
        .and(
            versions()
                .map(|it| Some(it?.0.updated_at))
                .collect::<Vec<_>>(),
        )
        .and(given.iter().map(|it| metadata(it)).collect::<Vec<_>>())
        .and(versions().map(|it| Some(it?.1)).collect::<Vec<_>>())
}

fn id(past: &PastWrite) -> &str {
    match &past.what {
        Gone::Stored(id) | Gone::Deleted { id, .. } => id.as_str(),
        Gone::Written { registration, .. } => registration.id.as_str(),
    }
}

/// A deletion replaces itself.
fn revision(past: &PastWrite) -> i64 {
    clamp(version(past).map_or(past.by.0, |(it, _)| it.revision.0))
}

/// The metadata of a version, or those of a deletion, if there are any.
fn metadata(past: &PastWrite) -> Option<&str> {
    match &past.what {
        Gone::Written { metadata, .. } => Some(metadata),
        Gone::Deleted { metadata, .. } => metadata.as_deref(),
        Gone::Stored(_) => None,
    }
}

/// A version with the text of its configuration; `None` for a deletion.
fn version(past: &PastWrite) -> Option<(&Registration, &str)> {
    match &past.what {
        Gone::Written {
            registration,
            config,
            ..
        } => Some((registration, config)),
        Gone::Stored(_) | Gone::Deleted { .. } => None,
    }
}
