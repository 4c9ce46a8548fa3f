use crate::desk::RELOAD_MARK;
use hotbed_configs::Environment;
use hotbed_mods::{Desired, Manifest, ModId, ModPath};
use hotbed_registry::{Id, Registration, Revision, Status};
use serde_json::Value;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What is known of one registration.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) registration: Registration,
    /// Whether it may be of a registry that was replaced, so that its revision tells nothing.
    pub(super) is_doubted: bool,
    /// Whether what is below is of this registration, in the environment of now.
    pub(super) is_settled: bool,
    /// What it says, or what it said when it last said something.
    pub(super) desired: Option<Desired>,
    /// Why it says nothing.
    pub(super) problems: Vec<String>,
    /// What is behind its path says of itself, if anything is there and was asked.
    pub(super) manifest: Option<Arc<Manifest>>,
    /// The path that was asked for it last.
    pub(super) asked: Option<ModPath>,
}

impl Known {
    /// Takes a registration in place of what was known of it.
    pub(super) fn note(known: &mut BTreeMap<Id, Self>, registration: Registration) {
        let before = known.remove(&registration.id);
        let (desired, manifest, asked) = match before {
            Some(before) => (before.desired, before.manifest, before.asked),
            None => (None, None, None),
        };
        known.insert(
            registration.id.clone(),
            Self {
                registration,
                is_doubted: false,
                is_settled: false,
                desired,
                problems: Vec::new(),
                manifest,
                asked,
            },
        );
    }

    /// Has it read again, whatever its revision.
    pub(super) fn doubt(&mut self) {
        self.is_doubted = true;
    }

    /// The revision that it stands at in the registry of now, as far as that is known.
    pub(super) fn revision(&self) -> Revision {
        if self.is_doubted {
            Revision::ZERO
        } else {
            self.registration.revision
        }
    }
}

/// What a registration says.
pub(super) struct Understood {
    id: Id,
    revision: Revision,
    said: Result<Desired, Vec<String>>,
}

pub(super) fn desired(registration: &Registration, environment: &Environment) -> Understood {
    // A source of secrets is somebody else's code: one that panics must not keep all others from being understood.
    let said = catch_unwind(AssertUnwindSafe(|| said(registration, environment)));
    let panicked = || Err(vec!["it cannot be understood: see the log".to_owned()]);
    Understood {
        id: registration.id.clone(),
        revision: registration.revision,
        said: said.unwrap_or_else(|_| panicked()),
    }
}

fn said(registration: &Registration, environment: &Environment) -> Result<Desired, Vec<String>> {
    let Registration {
        id,
        revision,
        config,
        metadata,
        status,
        ..
    } = registration;
    let id = ModId::new(id.as_str()).map_err(|error| vec![error.to_string()])?;
    let desired = Desired::from_registration(id, revision.0, config, environment);
    let desired = desired.map_err(|invalid| invalid.problems)?;
    let renewal = metadata.get(RELOAD_MARK).and_then(Value::as_str);
    Ok(Desired {
        renewal: renewal.map(Arc::from),
        enabled: desired.enabled && *status == Status::Active,
        ..desired
    })
}

impl Understood {
    /// Notes it, unless the registration is another by now.
    pub(super) fn settle(self, known: &mut BTreeMap<Id, Known>) {
        let Some(known) = known.get_mut(&self.id) else {
            return;
        };
        if known.registration.revision != self.revision {
            return;
        }
        known.is_settled = true;
        match self.said {
            Ok(desired) => {
                known.desired = Some(desired);
                known.problems.clear();
            }
            Err(problems) => {
                tracing::warn!(id = %self.id, ?problems, "registration says of no mod what it should be");
                known.problems = problems;
                // That it is out of service it says whatever else is wrong with it.
                if known.registration.status != Status::Active
                    && let Some(desired) = &mut known.desired
                {
                    desired.enabled = false;
                }
            }
        }
    }
}
