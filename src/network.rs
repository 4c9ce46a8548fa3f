//! The network of agents, as the environment describes it.

use crate::own_resource::OwnResource;
use anyhow::Context;
use hotbed::configs::Environment;
use hotbed_agents::{Group, NetworkSettings, Transport};
use hotbed_server::Authority;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The resource of an environment that describes the network: its type and its name.
const RESOURCE: [&str; 2] = ["networks", "default"];

/// The network as it is described.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    id: Option<String>,
    name: Option<String>,
    default_group: Option<String>,
    requires_password: Option<bool>,
    /// The groups whose members may change mods.
    authority: Option<BTreeSet<String>>,
    #[serde(default)]
    groups: BTreeMap<String, DescribedGroup>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct DescribedGroup {
    #[serde(default)]
    description: String,
    /// The hash that clients send for the password: whoever has it can join.
    password: Option<String>,
    #[serde(default)]
    metadata: Map<String, Value>,
}

/// The settings of the network: the environment's resource, else a network of everybody. Where everybody may change mods,
/// so may the agents of the default group, unless it is said who may.
pub(crate) fn settings(
    environment: &Environment,
    authority: &Authority,
) -> anyhow::Result<NetworkSettings> {
    let described = match OwnResource::find(environment, RESOURCE)? {
        None => Described::default(),
        Some(OwnResource { value, place }) => {
            // The text of an error may hold a value; its kind and key are in front of it.
            Described::deserialize(value).with_context(|| place)?
        }
    };
    let default = NetworkSettings::default();
    let default_group = described.default_group.unwrap_or(default.default_group);
    let allowed = described.authority.unwrap_or_else(|| {
        let mut allowed = default.authority;
        if authority.is_open() {
            allowed.insert(default_group.clone());
        }
        allowed
    });
    let group = |group: DescribedGroup| Group {
        description: group.description,
        password_hash: group.password,
        metadata: group.metadata,
    };
    Ok(NetworkSettings {
        network_id: described.id.unwrap_or(default.network_id),
        network_name: described.name.unwrap_or(default.network_name),
        groups: described
            .groups
            .into_iter()
            .map(|(name, it)| (name, group(it)))
            .collect(),
        default_group,
        requires_password: described.requires_password.unwrap_or_default(),
        authority: allowed,
        transports: vec![Transport::Http],
        ..NetworkSettings::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use hotbed::configs::{SecretRef, Variables, WrittenIn};
    use hotbed_server::AdminToken;
    use std::sync::Arc;

    fn of(yaml: &str, listen: &str, token: Option<&str>) -> anyhow::Result<NetworkSettings> {
        let environment = Environment::parse("here.yaml", yaml, &Variables::default())?;
        let secrets = |_: &SecretRef, _: WrittenIn| Ok(Some("aa11".to_owned()));
        let environment = environment.with_secrets(Arc::new(secrets));
        let token = token.map(|text| AdminToken::new(text).unwrap());
        settings(&environment, &Authority::new(listen.parse()?, token))
    }

    fn allowed(settings: &NetworkSettings) -> Vec<&str> {
        settings.authority.iter().map(String::as_str).collect()
    }

    /// Meant to catch: to give guests authority where a token is needed, or beyond this machine.
    #[test]
    fn guests_may_change_mods_where_everybody_may() {
        let (local, open) = ("127.0.0.1:8700", "0.0.0.0:8700");
        let token = Some("0123456789abcdef");
        assert_eq!(allowed(&of("", local, None).unwrap()), ["admin", "guest"]);
        assert_eq!(allowed(&of("", local, token).unwrap()), ["admin"]);
        assert_eq!(allowed(&of("", open, None).unwrap()), ["admin"]);
        let said = "resources: {networks: {default: {authority: [ops], default_group: all}}}";
        assert_eq!(allowed(&of(said, local, None).unwrap()), ["ops"]);
    }

    #[test]
    fn a_network_is_described_by_a_resource_and_its_passwords_may_be_secrets() {
        let yaml = "resources: {networks: {default: {id: net, name: The net, requires_password: true, groups: {admin: \
                    {description: those who may, password: {$secret: env:P}}}}}}";
        let settings = of(yaml, "0.0.0.0:1", None).unwrap();
        assert_eq!(
            (&*settings.network_id, &*settings.network_name),
            ("net", "The net")
        );
        assert!(settings.requires_password);
        let admin = &settings.groups["admin"];
        assert_eq!(admin.password_hash.as_deref(), Some("aa11"));
        let wrong = yaml.replace("requires_password", "require_password");
        let error = format!("{:#}", of(&wrong, "0.0.0.0:1", None).unwrap_err());
        let place = "resources.networks.default of the environment \"here\": unknown field `require_password`";
        assert!(error.starts_with(place), "{error}");
    }
}
