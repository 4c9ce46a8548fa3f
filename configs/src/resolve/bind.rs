//! Puts resources in the place of references.

use serde_json::{Map, Value};

use super::{Resolver, Text};
use crate::environment::{Environment, MissPolicy, Resource};
use crate::error::{ConfigErrorKind, MissingResource};
use crate::reference::{Reference, is_part};
use crate::warning::{ConfigWarning, WARNINGS};

/// A message lists a few names to choose from, not thousands.
const NAMES_IN_A_MESSAGE: usize = 10;

impl Resolver<'_> {
    /// Binds one reference: the resource, and beside it the inline values whose keys it lacks.
    pub(super) fn bind(
        &mut self,
        environment: &Environment,
        object: &Map<String, Value>,
        text: Text<'_>,
    ) -> Map<String, Value> {
        let problems_before = self.problems.count();
        let parts = object.iter().filter(|(key, _)| is_part(key));
        let origins = std::mem::take(&mut self.origins);
        let parts = self.entries(parts, text, &Map::new());
        // The parts are no values of what comes of the reference.
        self.origins = origins;
        if self.problems.count() > problems_before {
            // A name with a missing variable in it would be looked up, and reported, in vain.
            return Map::new();
        }
        let mut bound = match Reference::parse(&parts) {
            Ok(reference) => self.look_up(environment, &reference),
            Err((key, kind)) => {
                self.problems.push(self.path.key(key), kind);
                return Map::new();
            }
        };
        let inline = object.iter().filter(|(key, _)| !is_part(key));
        bound.extend(self.entries(inline, text, &bound));
        bound
    }

    fn look_up(
        &mut self,
        environment: &Environment,
        reference: &Reference<'_>,
    ) -> Map<String, Value> {
        let resource = environment.filled_resource(reference.resource_type, reference.name);
        let Some(Resource { fields, origins }) = resource else {
            self.miss(environment, reference);
            return Map::new();
        };
        let target = reference.target();
        self.check_capabilities(reference, fields);
        if let Some(at) = self.open.iter().position(|open| *open == target) {
            let mut circle = self.open[at..].to_vec();
            circle.push(target);
            self.problem(ConfigErrorKind::ResourceCycle(circle));
            return Map::new();
        }
        self.open.push(target);
        let bound = self.object(fields, Text::Filled(Some(origins)));
        self.open.pop();
        bound
    }

    fn miss(&mut self, environment: &Environment, reference: &Reference<'_>) {
        let missing = MissingResource {
            resource_type: reference.resource_type.to_owned(),
            name: reference.name.to_owned(),
            environment: environment.name().to_owned(),
            known: environment
                .resource_names(reference.resource_type)
                .take(NAMES_IN_A_MESSAGE)
                .map(str::to_owned)
                .collect(),
        };
        let policy = match reference.required {
            Some(true) => MissPolicy::Refuse,
            Some(false) => MissPolicy::Warn,
            None if !reference.capabilities.is_empty() => MissPolicy::Refuse,
            None => environment.miss_policy(),
        };
        match policy {
            MissPolicy::Refuse => self.problem(ConfigErrorKind::ResourceNotFound(missing)),
            MissPolicy::Warn if self.warnings.len() < WARNINGS => {
                let path = self.path.clone();
                self.warnings
                    .push(ConfigWarning::ResourceNotFound { path, missing });
            }
            MissPolicy::Warn => {}
        }
    }

    /// A resource that does not list its capabilities is taken to have them all.
    fn check_capabilities(&mut self, reference: &Reference<'_>, resource: &Map<String, Value>) {
        let Some(Value::Array(has)) = resource.get("capabilities") else {
            return;
        };
        for wanted in &reference.capabilities {
            if !has.iter().any(|capability| capability == wanted) {
                self.problem(ConfigErrorKind::MissingCapability {
                    resource: reference.target(),
                    capability: (*wanted).to_owned(),
                });
            }
        }
    }
}
