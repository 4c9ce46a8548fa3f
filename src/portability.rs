//! Whether what is registered here means the same on every machine.

use hotbed::configs::{PortableConfig, validate_portability};
use hotbed::registry::{Check, Id, Verdict};

/// Judges at the write door what ties a configuration to one machine: a problem, which a strict collection refuses, or a
/// warning where that is waived.
#[derive(Debug)]
pub(crate) struct PortabilityCheck {
    /// Whoever runs this server does not mind.
    pub(crate) is_waived: bool,
}

impl Check for PortabilityCheck {
    fn check(&self, _: &Id, config: &PortableConfig) -> Verdict {
        let issues = validate_portability(config);
        let issues = issues.iter().map(|issue| {
            format!("{issue}: put it into a resource of the environment, or into a default")
        });
        let issues: Vec<_> = issues.collect();
        if self.is_waived {
            Verdict {
                problems: Vec::new(),
                warnings: issues,
            }
        } else {
            Verdict {
                problems: issues,
                warnings: Vec::new(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hotbed::registry::{
        Admission, CollectionName, Draft, Error, MemoryBackend, Precondition, Registry,
    };
    use serde_json::json;
    use std::sync::Arc;

    /// What a write of this configuration is told: warnings, or why it is refused.
    async fn told(
        admission: Admission,
        is_waived: bool,
        config: serde_json::Value,
    ) -> Result<Vec<String>, Vec<String>> {
        let backend = Arc::new(MemoryBackend::default());
        let bus = Arc::new(hotbed::events::MemoryBus::default());
        let registry = Registry::builder(CollectionName::bots(), backend, bus)
            .admission(admission)
            .build();
        registry.add_check(Arc::new(PortabilityCheck { is_waived }));
        let draft = Draft::active(PortableConfig::from_value(config).unwrap());
        let id = Id::new("b").unwrap();
        match registry.put(&id, draft, Precondition::Any).await {
            Ok(admitted) => Ok(admitted.warnings),
            Err(Error::Refused { problems, .. }) => Err(problems),
            Err(error) => panic!("{error}"),
        }
    }

    /// Caught: to refuse in a permissive collection, to let by in a strict one, to waive by default or not at all, to tell
    /// of the first only.
    #[tokio::test]
    async fn what_is_tied_to_one_machine_is_refused_by_a_strict_collection_unless_that_is_waived() {
        let tied = json!({"db": "localhost:5432", "dir": "/home/ada/x", "ok": "${DIR:/home/ada}"});
        let advice = "put it into a resource of the environment, or into a default";
        let issues = vec![
            format!("db: Found localhost with port: 'localhost:5432': {advice}"),
            format!("dir: Found Linux home directory: '/home/ada': {advice}"),
        ];
        for (admission, is_waived, expected) in [
            (Admission::Permissive, false, Ok(issues.clone())),
            (Admission::Permissive, true, Ok(issues.clone())),
            (Admission::Strict, true, Ok(issues.clone())),
            (Admission::Strict, false, Err(issues.clone())),
        ] {
            assert_eq!(told(admission, is_waived, tied.clone()).await, expected);
        }
        let portable = json!({"llm": {"$resource": "chat", "base_url": "http://localhost"}});
        assert_eq!(
            told(Admission::Strict, false, portable).await,
            Ok(Vec::new())
        );
    }
}
