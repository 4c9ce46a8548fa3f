//! What of the server may change while it runs.

use crate::serve_args::{LogFilter, ServeArgs, interval};
use anyhow::{Context, bail};
use hotbed::configs::Environment;
use serde_json::Value;
use std::str::FromStr;
use std::time::Duration;

/// The smallest limit for a body that a configuration still fits into.
pub(crate) const MIN_BODY_BYTES: u32 = 1024;

/// What of the server may change while it runs: each by its flag or variable, else by its key under `settings` of the
/// environment, else as it is by default. What a flag says stays so, whatever becomes of the environment's file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settings {
    /// `log_level`: what is logged.
    pub(crate) log: LogFilter,
    /// `poll_interval`: how often the registry is asked for changes, where it is polled.
    pub(crate) poll_interval: Duration,
    /// `cache_capacity`: how many bots stay in memory.
    pub(crate) cache_capacity: u64,
    /// `cache_ttl`: for how long a bot is trusted to be current.
    pub(crate) cache_ttl: Duration,
    /// `max_body_bytes`: the largest body of a request.
    pub(crate) max_body_bytes: u32,
}

impl Settings {
    /// Reads them. Says of all that cannot be used what is wrong with it.
    pub(crate) fn of(args: &ServeArgs, environment: &Environment) -> anyhow::Result<Self> {
        let mut problems = Vec::new();
        let log = args.log.clone();
        let log = log.or_else(|| read(environment, "log_level", log_level, &mut problems));
        let mut time = |flag: Option<Duration>, key| {
            flag.or_else(|| read(environment, key, interval_of, &mut problems))
        };
        let poll_interval = time(args.poll_interval, "poll_interval");
        let cache_ttl = time(args.cache_ttl, "cache_ttl");
        let cache_capacity = args
            .cache_capacity
            .or_else(|| read(environment, "cache_capacity", number::<u64>, &mut problems));
        let max_body_bytes = args
            .max_body_bytes
            .or_else(|| read(environment, "max_body_bytes", body_bytes, &mut problems));
        if !problems.is_empty() {
            bail!(problems.join("; "));
        }
        let default_log = || "info".parse().expect("it is a filter");
        Ok(Self {
            log: log.unwrap_or_else(default_log),
            poll_interval: poll_interval.unwrap_or(Duration::from_secs(5)),
            cache_capacity: cache_capacity.unwrap_or(1_000),
            cache_ttl: cache_ttl.unwrap_or(Duration::from_mins(5)),
            max_body_bytes: max_body_bytes.unwrap_or(8 << 20),
        })
    }
}

/// One setting of the environment. What is wrong with it is noted, without its value.
fn read<T>(
    environment: &Environment,
    key: &str,
    understand: impl Fn(&str) -> anyhow::Result<T>,
    problems: &mut Vec<String>,
) -> Option<T> {
    let text = match environment.settings().get(key)? {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => {
            problems.push(place(environment, key) + ": expected a text or a number");
            return None;
        }
    };
    match understand(text.trim()) {
        Ok(value) => Some(value),
        Err(error) => {
            problems.push(format!("{}: {error:#}", place(environment, key)));
            None
        }
    }
}

fn place(environment: &Environment, key: &str) -> String {
    format!("settings.{key} of the environment {:?}", environment.name())
}

/// Python's names of levels are understood too.
fn log_level(text: &str) -> anyhow::Result<LogFilter> {
    let filter = match text.to_ascii_lowercase().as_str() {
        "warning" => "warn".parse(),
        "critical" | "fatal" => "error".parse(),
        _ => text.parse(),
    };
    filter.map_err(anyhow::Error::msg)
}

fn interval_of(text: &str) -> anyhow::Result<Duration> {
    interval(text).map_err(anyhow::Error::msg)
}

fn body_bytes(text: &str) -> anyhow::Result<u32> {
    match number(text)? {
        bytes if bytes < MIN_BODY_BYTES => bail!("at least {MIN_BODY_BYTES} are needed"),
        bytes => Ok(bytes),
    }
}

fn number<N: FromStr>(text: &str) -> anyhow::Result<N>
where
    N::Err: std::error::Error + Send + Sync + 'static,
{
    text.parse().context("expected a whole number")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve_args::parsed;
    use hotbed::configs::Variables;

    fn settings(arguments: &[&str], yaml: &str) -> anyhow::Result<Settings> {
        let args = parsed(arguments);
        let environment = Environment::parse("here.yaml", yaml, &Variables::default())?;
        Settings::of(&args, &environment)
    }

    #[test]
    fn a_flag_wins_over_the_environment_and_that_over_the_default() {
        let default = settings(&[], "").unwrap();
        assert_eq!(default.poll_interval, Duration::from_secs(5));
        assert_eq!(default.log, "info".parse().unwrap());
        let yaml = "settings: {log_level: WARNING, poll_interval: 250ms, cache_capacity: 7, cache_ttl: '${T:90}', \
                    max_body_bytes: 2048, mine: [1]}";
        let told = settings(&[], yaml).unwrap();
        let expected = Settings {
            log: "warn".parse().unwrap(),
            poll_interval: Duration::from_millis(250),
            cache_capacity: 7,
            cache_ttl: Duration::from_secs(90),
            max_body_bytes: 2048,
        };
        assert_eq!(told, expected);
        let flags = ["--cache-capacity", "9", "--log", "debug"];
        let expected = Settings {
            log: "debug".parse().unwrap(),
            cache_capacity: 9,
            ..expected
        };
        assert_eq!(settings(&flags, yaml).unwrap(), expected);
    }

    #[test]
    fn all_that_is_wrong_is_told_by_its_key() {
        let yaml = "settings: {log_level: [x], poll_interval: soon, cache_capacity: -1, max_body_bytes: 5}";
        let error = settings(&[], yaml).unwrap_err().to_string();
        let expected = [
            "settings.log_level of the environment \"here\": expected a text or a number",
            "settings.poll_interval of the environment \"here\": it is not a whole number with ms, s, m, h or d after it, as in 30s",
            "settings.cache_capacity of the environment \"here\": expected a whole number: invalid digit found in string",
            "settings.max_body_bytes of the environment \"here\": at least 1024 are needed",
        ];
        assert_eq!(error, expected.join("; "));
    }
}
