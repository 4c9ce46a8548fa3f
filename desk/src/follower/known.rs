use hotbed_configs::Environment;
use hotbed_mods::{Desired, ModId};
use hotbed_registry::{Id, Registration, Revision, Status};
use std::collections::BTreeMap;

/// What is known of one registration.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) registration: Registration,
    /// Whether what is below is of this registration, in the environment of now.
    pub(super) is_settled: bool,
    /// What it says, or what it said when it last said something.
    pub(super) desired: Option<Desired>,
    /// Why it says nothing.
    pub(super) problems: Vec<String>,
}

impl Known {
    /// Takes a registration in place of what was known of it.
    pub(super) fn note(known: &mut BTreeMap<Id, Self>, registration: Registration) {
        let before = known.remove(&registration.id);
        known.insert(
            registration.id.clone(),
            Self {
                registration,
                is_settled: false,
                desired: before.and_then(|before| before.desired),
                problems: Vec::new(),
            },
        );
    }

    /// Has it read again, whatever its revision.
    pub(super) fn doubt(&mut self) {
        self.registration.revision = Revision::ZERO;
    }
}

/// What a registration says.
pub(super) struct Understood {
    id: Id,
    revision: Revision,
    said: Result<Desired, Vec<String>>,
}

pub(super) fn desired(registration: &Registration, environment: &Environment) -> Understood {
    let Registration {
        id,
        revision,
        config,
        status,
        ..
    } = registration;
    let said = match ModId::new(id.as_str()) {
        Err(error) => Err(vec![error.to_string()]),
        Ok(mod_id) => Desired::from_registration(mod_id, revision.0, config, environment)
            .map(|desired| Desired {
                enabled: desired.enabled && *status == Status::Active,
                ..desired
            })
            .map_err(|invalid| invalid.problems),
    };
    Understood {
        id: id.clone(),
        revision: *revision,
        said,
    }
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
            }
        }
    }
}
