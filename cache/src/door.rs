use crate::shared::Shared;
use hotbed_configs::PortableConfig;
use hotbed_registry::{Check, Id, Verdict};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Judges at the write door what a cache could build: resolves the configuration in this node's environment, holds it
/// against the schema if there is one, and asks the factory's pure check. Warns of secrets that are written out.
pub struct DoorCheck<T> {
    shared: Arc<Shared<T>>,
}

impl<T> DoorCheck<T> {
    pub(crate) fn new(shared: Arc<Shared<T>>) -> Self {
        Self { shared }
    }
}

impl<T: Send + Sync + 'static> Check for DoorCheck<T> {
    fn check(&self, id: &Id, config: &PortableConfig) -> Verdict {
        let literal_secrets = config.literal_secrets();
        let mut warnings: Vec<String> = literal_secrets.iter().map(ToString::to_string).collect();
        let resolved = match self.shared.surroundings.resolve_without_secrets(config) {
            Ok(resolved) => resolved,
            Err(errors) => {
                return Verdict {
                    problems: vec![errors.to_string()],
                    warnings,
                };
            }
        };
        warnings.extend(resolved.warnings().iter().map(ToString::to_string));
        let checked = catch_unwind(AssertUnwindSafe(|| {
            self.shared.factory.check(id, &resolved)
        }));
        let checked =
            checked.unwrap_or_else(|_| Err("the factory panicked while it checked this".into()));
        match checked {
            Ok(more) => {
                warnings.extend(more);
                Verdict {
                    problems: Vec::new(),
                    warnings,
                }
            }
            Err(error) => Verdict {
                problems: vec![error.to_string()],
                warnings,
            },
        }
    }
}

impl<T> fmt::Debug for DoorCheck<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DoorCheck").finish_non_exhaustive()
    }
}
