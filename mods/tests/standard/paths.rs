use crate::table::Table;
use hotbed_mods::{BuiltIns, Manifest, ModHost, ModLoader, ModPath};
use serde_json::{Value, json};

/// Every path by which the seeds of the project, and OpenAgents, know our mods.
const PATHS: [(&str, &str); 12] = [
    ("openagents.mods.core.shared_cache", "shared_cache"),
    ("openagents.mods.workspace.shared_cache", "shared_cache"),
    ("hotbed.mods.shared_cache", "shared_cache"),
    ("openagents.mods.core.shared_artifact", "shared_artifact"),
    (
        "openagents.mods.workspace.shared_artifact",
        "shared_artifact",
    ),
    ("hotbed.mods.shared_artifact", "shared_artifact"),
    ("openagents.mods.core.wiki", "wiki"),
    ("openagents.mods.workspace.wiki", "wiki"),
    ("hotbed.mods.wiki", "wiki"),
    ("openagents.mods.workspace.project", "project"),
    ("openagents.mods.core.project", "project"),
    ("hotbed.mods.project", "project"),
];

/// A6: what a plugin says of itself failed for six of seven.
#[tokio::test]
async fn every_known_path_finds_its_mod_which_comes_up_and_is_well() {
    for (path, id) in PATHS {
        let table = Table::with(path, json!({})).await;
        table.host.check_health().await;
        let status = table.host.status(id).unwrap();
        assert!(status.is_well(), "{path}: {status:?}");
        let Manifest {
            name,
            version,
            description,
            ..
        } = &*status.manifest.unwrap();
        assert!(
            [name, version, description]
                .iter()
                .all(|text| !text.is_empty()),
            "{path}"
        );
    }
    assert_eq!(
        BuiltIns::standard().paths(),
        [
            "hotbed.mods.project",
            "hotbed.mods.shared_artifact",
            "hotbed.mods.shared_cache",
            "hotbed.mods.wiki"
        ]
    );
}

/// A configuration of all defaults, written out, is taken, and nothing is missing in the form.
#[tokio::test]
async fn the_defaults_that_a_form_shows_fit_the_form() {
    for path in BuiltIns::standard().paths() {
        let package = BuiltIns::standard()
            .open(&ModPath::new(path).unwrap())
            .await
            .unwrap();
        let form = package.manifest.form.unwrap();
        let defaults: serde_json::Map<String, Value> = form
            .fields()
            .map(|field| {
                (
                    field.key.clone(),
                    field.default.clone().expect("each has one"),
                )
            })
            .collect();
        let table = Table::with(path, Value::Object(defaults)).await;
        assert_eq!(table.host.statuses().len(), 1);
    }
}

/// A14: a plugin fell over its own check of a configuration.
#[tokio::test]
async fn a_configuration_that_does_not_fit_is_refused_with_all_that_is_wrong() {
    let (host, _emissions) = ModHost::builder().loader(BuiltIns::standard()).build();
    let path = ModPath::new("hotbed.mods.shared_cache").unwrap();
    let config = json!({"max_entries": 0, "max_entrys": 1});
    let config = hotbed_configs::PortableConfig::from_value(config).unwrap();
    let config = hotbed_configs::ResolvedConfig::verbatim(&config);
    let desired = hotbed_mods::Desired::new(host.identify(&path).await.unwrap(), path, config);
    let refused = host.load(desired).await.unwrap_err().to_string();
    assert!(
        refused.contains("max_entries: must be a whole number from 1 to"),
        "{refused}"
    );
    assert!(
        refused.contains("\"max_entrys\": there is no such key"),
        "{refused}"
    );
}
