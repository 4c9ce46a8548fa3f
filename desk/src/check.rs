use hotbed_configs::{Environment, PortableConfig, SecretRef, WrittenIn};
use hotbed_mods::{Desired, ModId};
use hotbed_registry::{Check, Id, Verdict};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// Judges at the write door whether a registration says what a mod should be, in this node's environment. Of the mod
/// itself nothing is read, and no secret.
pub struct ModCheck {
    environment: Arc<RwLock<Arc<Environment>>>,
}

impl ModCheck {
    pub(crate) fn new(environment: Arc<RwLock<Arc<Environment>>>) -> Self {
        Self { environment }
    }

    fn environment(&self) -> Environment {
        let environment = self.environment.read();
        let environment = environment.unwrap_or_else(PoisonError::into_inner);
        Environment::clone(&environment)
    }
}

impl Check for ModCheck {
    fn check(&self, id: &Id, config: &PortableConfig) -> Verdict {
        let literal_secrets = config.literal_secrets();
        let warnings = literal_secrets.iter().map(ToString::to_string).collect();
        let problems = match ModId::new(id.as_str()) {
            Err(error) => vec![error.to_string()],
            Ok(id) => {
                // That the configuration of the mod does not resolve here is no fault of the registration.
                // No secret is read for those who only judge.
                let nobody_reads = |_: &SecretRef, _: WrittenIn| Ok(None);
                let environment = self.environment().with_secrets(Arc::new(nobody_reads));
                match Desired::from_registration(id, 0, config, &environment) {
                    Ok(_) => Vec::new(),
                    Err(invalid) => invalid.problems,
                }
            }
        };
        Verdict { problems, warnings }
    }
}

impl fmt::Debug for ModCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModCheck").finish_non_exhaustive()
    }
}
