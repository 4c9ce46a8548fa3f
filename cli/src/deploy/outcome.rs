use hotbed_deploy::{Action, Step};
use serde_json::{Value, json};

use super::plan::step_document;
use crate::error::Error;

/// What became of one step.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It is done, at this revision if the server said so.
    Done {
        revision: Option<u64>,
        warnings: Vec<String>,
    },
    /// Somebody wrote meanwhile; nothing was changed.
    Conflict(String),
    /// The server, or the plan, would not do it.
    Refused(String),
    /// It was never sent.
    NotSent,
    /// It was sent, and nobody knows whether it happened.
    Unknown(String),
}

impl Outcome {
    pub(super) fn of_error(error: &Error) -> Self {
        match error {
            Error::Refused(problem) if problem.status == 412 => {
                Self::Conflict(problem.detail.clone())
            }
            // It was deleted meanwhile.
            Error::Refused(problem) if problem.status == 404 => {
                Self::Conflict(problem.detail.clone())
            }
            Error::Unreachable { .. } => Self::NotSent,
            Error::Silent { .. } => Self::Unknown(error.to_string()),
            // Whoever cannot reach what is behind it does not know what happened there.
            error if error.is_unsettled() => Self::Unknown(error.to_string()),
            error => Self::Refused(error.to_string()),
        }
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self, Self::Done { .. })
    }

    pub(super) fn revision(&self) -> Option<u64> {
        match self {
            Self::Done { revision, .. } => *revision,
            _ => None,
        }
    }

    /// The line that tells of a step that is done.
    pub(super) fn success(&self, step: &Step) -> Option<String> {
        let verb = done(&step.action);
        let revision = self.revision().map(|it| format!(": revision {it}"));
        let id = step.name();
        self.is_done()
            .then(|| format!("{verb} {id}{}", revision.unwrap_or_default()))
    }

    /// The line that tells why a step is not done.
    pub(super) fn failure(&self, step: &Step) -> Option<String> {
        let id = step.name();
        match self {
            Self::Done { .. } => None,
            Self::Conflict(why) => Some(format!(
                "{id} was changed by somebody else meanwhile, and is left as it is: {why}"
            )),
            Self::Refused(why) => Some(format!("{id} is refused: {why}")),
            Self::NotSent => Some(format!("{id} was not {}", done(&step.action))),
            Self::Unknown(why) => Some(format!(
                "{id} may or may not have been {}: {why}",
                done(&step.action)
            )),
        }
    }

    /// The step and what became of it, for programs.
    pub(super) fn document(&self, step: &Step) -> Value {
        let (outcome, message) = match self {
            Self::Done { .. } => ("done", None),
            Self::Conflict(why) => ("conflict", Some(why)),
            Self::Refused(why) => ("refused", Some(why)),
            Self::NotSent => ("not sent", None),
            Self::Unknown(why) => ("unknown", Some(why)),
        };
        let warnings = match self {
            Self::Done { warnings, .. } => warnings.as_slice(),
            _ => &[],
        };
        let mut document = step_document(step);
        document["outcome"] = outcome.into();
        document["message"] = json!(message);
        document["written"] = json!(self.revision());
        document["warnings"] = json!(warnings);
        document
    }
}

fn done(action: &Action) -> &'static str {
    match action {
        Action::Create { .. } => "created",
        Action::Update { .. } | Action::Refuse { .. } => "updated",
        Action::Delete { .. } => "deleted",
    }
}

/// How many steps ended in which way.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: [(usize, &'static str); 7],
}

impl Tally {
    pub(super) fn of<'s>(results: impl Iterator<Item = (&'s Step, &'s Outcome)>) -> Self {
        let mut counts = [
            (0, "created"),
            (0, "updated"),
            (0, "deleted"),
            (0, "refused"),
            (0, "in conflict"),
            (0, "not sent"),
            (0, "unknown"),
        ];
        for (step, outcome) in results {
            let name = match outcome {
                Outcome::Done { .. } => done(&step.action),
                Outcome::Refused(_) => "refused",
                Outcome::Conflict(_) => "in conflict",
                Outcome::NotSent => "not sent",
                Outcome::Unknown(_) => "unknown",
            };
            for (count, of) in &mut counts {
                *count += usize::from(*of == name);
            }
        }
        Self { counts }
    }

    /// `3 created, 0 updated, 0 deleted, 1 in conflict`: what can be done is always told, what went wrong if it did.
    pub(super) fn sentence(&self) -> String {
        let told = self.counts.iter().enumerate();
        let told = told.filter(|(at, (count, _))| *at < 3 || *count > 0);
        let told: Vec<_> = told
            .map(|(_, (count, name))| format!("{count} {name}"))
            .collect();
        told.join(", ")
    }

    pub(super) fn document(&self) -> Value {
        let count = |(count, name): &(usize, &'static str)| (name.replace(' ', "_"), json!(count));
        Value::Object(self.counts.iter().map(count).collect())
    }
}
