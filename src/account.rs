//! What a start tells the person who started it.

use crate::domains::Registered;
use hotbed::registry::Id;
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

/// What a start did.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) address: SocketAddr,
    pub(crate) environment: String,
    pub(crate) registry: String,
    pub(crate) reload: String,
    /// What became of the bots in domain files, if there are any and the registry could be reached.
    pub(crate) domains: Option<Registered>,
    pub(crate) warnings: Vec<String>,
}

impl Account {
    /// Tells what was done and what to try. `program` is how the program was called.
    pub(crate) fn tell(&self, program: &Path, out: &mut dyn io::Write) -> io::Result<()> {
        out.write_all(self.text(&program.display().to_string()).as_bytes())?;
        out.flush()
    }

    fn text(&self, program: &str) -> String {
        let url = format!("http://{}", self.address);
        let mut text = format!("hotbed {}\n", env!("CARGO_PKG_VERSION"));
        let mut line = |name: &str, value: &str| {
            let value = value.replace('\n', "\n               ");
            writeln!(text, "  {name:<12} {value}").expect("a string takes what is written to it");
        };
        line("environment", &self.environment);
        line("registry", &self.registry);
        line("reload", &self.reload);
        if let Some(domains) = &self.domains {
            let dir = domains.dir.display();
            if !domains.added.is_empty() {
                line(
                    "registered",
                    &format!("{} (from {dir})", list(&domains.added)),
                );
            }
            if !domains.kept.is_empty() {
                let kept = list(&domains.kept);
                line(
                    "kept",
                    &format!("{kept} (registered before; {dir} is not applied again)"),
                );
            }
        }
        for warning in &self.warnings {
            line("warning", warning);
        }
        line("listening", &format!("{url}  (API {url}/docs)"));
        text + "\nTry, in another terminal:\n" + &self.commands(program, &url)
    }

    fn commands(&self, program: &str, url: &str) -> String {
        let is_default = self.address.port() == 8700 && self.address.ip().is_loopback();
        let server = if is_default {
            String::new()
        } else {
            format!(" --server {url}")
        };
        let known = self
            .domains
            .iter()
            .flat_map(|domains| domains.added.iter().chain(&domains.kept))
            .next();
        let commands = if let Some(id) = known {
            [
                "bots list".to_owned(),
                format!("bots chat {id} Hello"),
                "bots watch".to_owned(),
            ]
        } else {
            let config = r#"'{"llm": {"provider": "echo", "model": "echo-1"}, "system_prompt": "You greet."}'"#;
            [
                format!("bots put greeter --config {config}"),
                "bots chat greeter Hello".to_owned(),
                "health".to_owned(),
            ]
        };
        commands
            .map(|command| format!("  {program}{server} {command}\n"))
            .concat()
    }
}

fn list(ids: &[Id]) -> String {
    ids.iter().map(Id::as_str).collect::<Vec<_>>().join(", ")
}
