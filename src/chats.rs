//! The chat servers from which commands come, as the environment names them.

use crate::own_resource::OwnResource;
use anyhow::Context;
use hotbed::configs::Environment;
use hotbed_server::{AdminToken, Chats};
use serde::Deserialize;
use std::collections::BTreeSet;

/// The resource of an environment that names them: its type and its name.
const RESOURCE: [&str; 2] = ["chats", "default"];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    #[serde(default)]
    tokens: Vec<String>,
    #[serde(default)]
    admins: BTreeSet<String>,
}

/// The chat servers of an environment; none unless it names some.
pub(crate) fn chats(environment: &Environment) -> anyhow::Result<Chats> {
    let Some(OwnResource { value, place }) = OwnResource::find(environment, RESOURCE)? else {
        return Ok(Chats::default());
    };
    let described = Described::deserialize(value).with_context(|| place.clone())?;
    let tokens = described.tokens.iter().map(|text| AdminToken::new(text));
    Ok(Chats {
        tokens: tokens
            .collect::<Result<_, _>>()
            .with_context(|| format!("{place}: tokens"))?,
        admins: described.admins,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use hotbed::configs::{SecretRef, Variables, WrittenIn};
    use std::sync::Arc;

    fn of(yaml: &str) -> anyhow::Result<Chats> {
        let environment = Environment::parse("here.yaml", yaml, &Variables::default())?;
        let secrets = |secret: &SecretRef, _: WrittenIn| Ok(Some(secret.name().to_owned()));
        chats(&environment.with_secrets(Arc::new(secrets)))
    }

    #[test]
    fn tokens_may_be_secrets_and_are_not_shown() {
        assert!(of("").unwrap().tokens.is_empty());
        let yaml = "resources: {chats: {default: {tokens: [{$secret: 'env:QWERTZUIOPASDFGH'}], admins: [ada]}}}";
        let chats = of(yaml).unwrap();
        assert_eq!((chats.tokens.len(), chats.admins.len()), (1, 1));
        assert!(!format!("{chats:?}").contains("QWERTZ"));
        let error = format!(
            "{:#}",
            of(&yaml.replace("QWERTZUIOPASDFGH", "SHORT")).unwrap_err()
        );
        let place =
            "resources.chats.default of the environment \"here\": tokens: an admin token is 16 to";
        assert!(
            error.starts_with(place) && !error.contains("SHORT"),
            "{error}"
        );
    }
}
