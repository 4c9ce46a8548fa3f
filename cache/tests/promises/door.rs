use crate::world::name;
use async_trait::async_trait;
use hotbed_cache::{BoxError, CachingRegistryManager, Id, InstanceFactory, Revision};
use hotbed_configs::{Environment, PortableConfig, ResolvedConfig};
use hotbed_registry::{Check, MemoryBackend, Reader};
use serde_json::json;
use std::sync::Arc;

struct Judge;

#[async_trait]
impl InstanceFactory<()> for Judge {
    fn check(&self, id: &Id, _: &ResolvedConfig) -> Result<Vec<String>, BoxError> {
        match id.as_str() {
            "panics" => panic!("told to panic"),
            "refused" => Err("no good".into()),
            _ => Ok(vec!["could be better".into()]),
        }
    }

    async fn create(&self, _: &Id, _: Revision, _: ResolvedConfig) -> Result<(), BoxError> {
        Ok(())
    }
}

/// Mutation: the factory's check is called unguarded.
#[tokio::test]
async fn the_door_tells_what_the_factory_says_even_when_it_panics() {
    let reader = Reader::new(Arc::new(MemoryBackend::new()));
    let cache = CachingRegistryManager::builder(reader, Judge).build();
    let config = PortableConfig::from_value(serde_json::json!({})).unwrap();
    let verdict = |id| cache.door_check().check(&name(id), &config);
    assert_eq!(verdict("a").warnings, ["could be better"]);
    assert_eq!(verdict("refused").problems, ["no good"]);
    assert_eq!(
        verdict("panics").problems,
        ["the factory panicked while it checked this"]
    );
}

/// Mutation: literal secrets are not looked for, or only where the configuration can be resolved; the warning holds one.
#[tokio::test]
async fn the_door_warns_of_secrets_that_are_written_out() {
    let reader = Reader::new(Arc::new(MemoryBackend::new()));
    let cache = CachingRegistryManager::builder(reader, Judge);
    let cache = cache
        .environment(Arc::new(Environment::empty("here")))
        .build();
    for config in [
        json!({"llm": {"api_key": "hunter2"}}),
        json!({"llm": {"api_key": "hunter2"}, "x": "${MISSING}"}),
    ] {
        let config = PortableConfig::from_value(config).unwrap();
        let warnings = cache.door_check().check(&name("a"), &config).warnings;
        assert!(
            warnings[0].starts_with("llm.api_key: looks like a secret, by its key"),
            "{warnings:?}"
        );
        assert!(!warnings[0].contains("hunter2"), "{warnings:?}");
    }
}
