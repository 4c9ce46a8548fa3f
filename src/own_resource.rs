//! A resource of the environment that the server itself uses.

use anyhow::{Context, bail};
use hotbed::configs::{Environment, PortableConfig};
use serde_json::{Value, json};

/// The keys that may hold a secret: what they say is shown nowhere. All else is, in the log and on the health page.
const SECRET_KEYS: [&str; 5] = [
    "auth_token",
    "aws_secret_access_key",
    "password",
    "token",
    "tokens",
];

/// A resource with all filled in.
pub(crate) struct OwnResource {
    /// What it says; may hold secrets.
    pub(crate) value: Value,
    /// Where it stands, for a message.
    pub(crate) place: String,
}

impl OwnResource {
    /// Finds the resource of this type and name, and reads its secrets. `None` if there is none.
    pub(crate) fn find(
        environment: &Environment,
        [kind, name]: [&str; 2],
    ) -> anyhow::Result<Option<Self>> {
        if environment.resource(kind, name).is_none() {
            return Ok(None);
        }
        let place = format!(
            "resources.{kind}.{name} of the environment {:?}",
            environment.name()
        );
        let reference = json!({"$resource": name, "type": kind, "$required": true});
        let resolved = PortableConfig::from_value(reference)
            .map_err(anyhow::Error::new)
            .and_then(|reference| Ok(environment.resolve(&reference)?))
            .with_context(|| place.clone())?;
        for (path, secret) in resolved.secrets() {
            let key = path.to_string();
            if !SECRET_KEYS.contains(&last_name(&key)) {
                bail!(
                    "{place}: {key} is shown to whoever looks at this node, so it cannot be the secret `{secret}`; \
                     those that can be are {}",
                    SECRET_KEYS.join(", ")
                );
            }
        }
        Ok(Some(Self {
            value: Value::Object(resolved.as_map().clone()),
            place,
        }))
    }
}

/// The last name of a path: `b` of `a.b[0]`.
fn last_name(path: &str) -> &str {
    let last = path.rsplit('.').next().unwrap_or(path);
    last.split('[').next().unwrap_or(last)
}
