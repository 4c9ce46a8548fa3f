//! The log of a server, on standard error.

use crate::serve_args::{LogFilter, LogFormat, ServeArgs};
use anyhow::Context;
use std::io::IsTerminal;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

/// The running log: what is logged can be changed.
#[derive(Debug)]
pub(crate) struct Log {
    filter: reload::Handle<EnvFilter, Registry>,
}

impl Log {
    /// Starts it. Where no flag says what is logged, the environment will: until that is read, `info`.
    pub(crate) fn start(args: &ServeArgs) -> anyhow::Result<Self> {
        let first = match &args.log {
            Some(filter) => filter.clone(),
            None => "info".parse().map_err(anyhow::Error::msg)?,
        };
        let (filter, handle) = reload::Layer::new(filter(&first)?);
        let lines = fmt::layer().with_writer(std::io::stderr);
        let lines = match args.log_format {
            LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
            LogFormat::Json => lines.json().boxed(),
        };
        tracing_subscriber::registry()
            .with(filter)
            .with(lines)
            .init();
        Ok(Self { filter: handle })
    }

    /// Logs this from now on.
    pub(crate) fn change(&self, to: &LogFilter) -> anyhow::Result<()> {
        self.filter
            .reload(filter(to)?)
            .context("cannot change what is logged")
    }
}

fn filter(chosen: &LogFilter) -> anyhow::Result<EnvFilter> {
    // The provider library logs bodies of failed requests, which may hold what users said.
    let filter = chosen.clone().0.add_directive("genai=off".parse()?);
    // Of an address that it cannot read the HTTP/2 library logs all, and that of a poll may hold the secret of an agent.
    let filter = filter.add_directive("h2=off".parse()?);
    // What NATS's client says of its connections is said by who uses them, once and with the reason.
    Ok(filter.add_directive("async_nats=off".parse()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Meant to catch: to leave one of them out.
    #[test]
    fn libraries_that_log_what_may_be_secret_are_silent_however_much_is_logged() {
        for chosen in ["trace", "trace,h2=debug,genai=trace"] {
            let filter = filter(&chosen.parse().unwrap()).unwrap().to_string();
            let silent: Vec<_> = filter
                .split(',')
                .filter(|it| it.ends_with("=off"))
                .collect();
            for library in ["genai=off", "h2=off", "async_nats=off"] {
                assert!(silent.contains(&library), "{filter}");
            }
        }
    }
}
