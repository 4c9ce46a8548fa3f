//! On which topics changes are announced, and which are listened to.

use crate::own_resource::OwnResource;
use crate::serve_args::ServeArgs;
use anyhow::{Context, Result};
use hotbed::backends::{BusUrl, bus_resource};
use hotbed::configs::Environment;
use hotbed::events::{Interest, Pattern, Topic};
use hotbed::registry::{CollectionName, Registry};

/// Where the Python config service's classes announce and listen, unless told otherwise: each somewhere else.
const OF_PYTHON: [&str; 3] = ["registry:bots", "registry:instances", "registry:configs"];
/// Where its pollers announce.
const OF_PYTHON_POLLERS: &str = "registry:changes";

/// The resource of an environment that says where the event bus is: its type and its name.
const RESOURCE: [&str; 2] = ["event_buses", "default"];

/// Where the bus is, and who says so if it is the environment: a flag or variable, else the environment's resource, else
/// this process.
pub(crate) fn bus(args: &ServeArgs, environment: &Environment) -> Result<(BusUrl, Option<String>)> {
    if let Some(url) = &args.bus {
        return Ok((url.parse()?, None));
    }
    let Some(OwnResource { value, place }) = OwnResource::find(environment, RESOURCE)? else {
        return Ok((BusUrl::Memory, None));
    };
    let url = bus_resource(&value).with_context(|| place.clone())?;
    Ok((url, Some(place)))
}

/// The topics of the bots' collection.
#[derive(Debug)]
pub(crate) struct Topics {
    pub(crate) publish: Vec<Topic>,
    pub(crate) listen: Interest,
}

impl Topics {
    /// What the arguments say. Where they say nothing: on a bus that other processes are on, those that the Python
    /// config service's classes look at; within this process, the collection's own.
    pub(crate) fn of(args: &ServeArgs, bus: &BusUrl) -> Result<Self> {
        let own = Registry::topic_of(&CollectionName::bots());
        let default: Vec<Topic> = if bus.leaves_the_process() {
            let names = OF_PYTHON.iter().map(|name| Topic::new(name));
            names.collect::<Result<_, _>>()?
        } else {
            vec![own]
        };
        let listen = match args.listen_topics.as_slice() {
            [] if bus.leaves_the_process() => {
                let all: Interest = default.iter().cloned().collect();
                all.and(Topic::new(OF_PYTHON_POLLERS)?)
            }
            [] => default.iter().cloned().collect(),
            given => given
                .iter()
                .try_fold(Interest::none(), |all, text| and(all, text))
                .context("--listen-topics")?,
        };
        let publish = match args.publish_topics.as_slice() {
            [] => default,
            given => given
                .iter()
                .map(|text| Topic::new(text))
                .collect::<Result<_, _>>()
                .context("--publish-topics")?,
        };
        Ok(Self { publish, listen })
    }
}

/// The same interest, and what a text names: a topic, or by its wildcards many.
fn and(all: Interest, text: &str) -> Result<Interest> {
    Ok(if text.contains(['*', '?', '[']) {
        all.and_all(Pattern::new(text)?)
    } else {
        all.and(Topic::new(text)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve_args::parsed;
    use hotbed::configs::{SecretRef, Variables, WrittenIn};
    use std::sync::Arc;

    fn topics(arguments: &[&str]) -> Result<(String, String)> {
        let args = parsed(arguments);
        let bus = args.bus.clone().unwrap_or_else(|| "memory:".into());
        let topics = Topics::of(&args, &bus.parse()?)?;
        let publish: Interest = topics.publish.into_iter().collect();
        Ok((publish.to_string(), topics.listen.to_string()))
    }

    #[test]
    fn a_bus_between_processes_serves_every_class_of_the_python_service() {
        let three = "registry:bots, registry:instances, registry:configs";
        assert_eq!(
            topics(&["--bus", "redis://h"]).unwrap(),
            (three.to_owned(), format!("{three}, registry:changes"))
        );
        let own = || "registry:bots".to_owned();
        assert_eq!(topics(&[]).unwrap(), (own(), own()));
    }

    #[test]
    fn topics_can_be_chosen() {
        let arguments = [
            "--bus",
            "redis://h",
            "--publish-topics",
            "a:b",
            "--listen-topics",
            "a:*,c",
        ];
        let (publish, listen) = topics(&arguments).unwrap();
        assert_eq!(publish, "a:b");
        assert_eq!(listen, "c, a:*");
        let error = topics(&["--listen-topics", "a b"]).unwrap_err();
        assert!(format!("{error:#}").starts_with("--listen-topics: \"a b\" is not"));
    }

    fn bus_of(yaml: &str) -> Result<(BusUrl, Option<String>)> {
        let args = parsed(&[]);
        let environment = Environment::parse("here.yaml", yaml, &Variables::default())?;
        let secrets = |secret: &SecretRef, _: WrittenIn| {
            Ok((secret.name() == "KNOWN").then(|| "hunter2".to_owned()))
        };
        bus(&args, &environment.with_secrets(Arc::new(secrets)))
    }

    /// Caught: to take the resource as it is written, to show what is wrong by its value, to let any key hold a secret.
    #[test]
    fn the_password_of_a_bus_may_be_a_secret_and_is_not_shown() {
        let of = |keys: &str| {
            bus_of(&format!(
                "resources: {{event_buses: {{default: {{{keys}}}}}}}"
            ))
        };
        let (url, place) = of("backend: redis, host: h, password: {$secret: env:KNOWN}").unwrap();
        assert_eq!(
            url,
            "redis://:hunter2@h:6379?prefix=events".parse().unwrap()
        );
        let shown = format!("{url} {url:?} {place:?}");
        assert!(!shown.contains("hunter2"), "{shown}");

        for (keys, why) in [
            (
                "backend: redis, password: {$secret: env:OTHER}",
                "password: the secret `env:OTHER` cannot be read: it is not there",
            ),
            (
                "backend: redis, host: {$secret: env:KNOWN}",
                "host is shown to whoever looks at this node, so it cannot be the secret `env:KNOWN`; those that can be \
                 are auth_token, aws_secret_access_key, password, token, tokens",
            ),
            (
                "backend: redis, db: x, password: {$secret: env:KNOWN}",
                "event bus ",
            ),
        ] {
            let error = format!("{:#}", of(keys).unwrap_err());
            let place = "resources.event_buses.default of the environment \"here\": ";
            let told = error
                .strip_prefix(place)
                .unwrap_or_else(|| panic!("{error}"));
            assert!(told.starts_with(why), "{told}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
