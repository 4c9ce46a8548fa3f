use super::failure::Failure;
use hotbed::registry::Id;
use hotbed::registry::moving::{NotMoved, Tally};
use hotbed_cli::Format;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::io::{self, Write};

/// What a person or a program is told at the end of a command: a headline and lines beneath it, or one JSON object.
#[derive(Debug, Default)]
pub(crate) struct Report {
    headline: String,
    lines: Vec<(String, String)>,
    json: Map<String, Value>,
}

impl Report {
    pub(crate) fn new(headline: String) -> Self {
        Self {
            headline,
            ..Self::default()
        }
    }

    /// Adds something worth a line.
    pub(crate) fn line(&mut self, name: &str, value: impl Into<String>) {
        self.lines.push((name.to_owned(), value.into()));
    }

    /// Adds something for programs.
    pub(crate) fn member(&mut self, name: &str, value: impl Into<Value>) {
        self.json.insert(name.to_owned(), value.into());
    }

    pub(crate) fn tally(&mut self, tally: Tally) {
        let counts = [
            ("created", tally.created),
            ("replaced", tally.replaced),
            ("deleted", tally.deleted),
            ("same", tally.same),
            ("kept", tally.kept),
        ];
        let told = counts.map(|(name, count)| format!("{count} {name}"));
        self.line("registrations", told.join(", "));
        for (name, count) in counts {
            self.member(name, count);
        }
    }

    /// All of them, however many: whoever mends them needs the list.
    pub(crate) fn failures(&mut self, failures: &[(Id, NotMoved)]) {
        for (id, reason) in failures {
            self.line("not moved", format!("{:?}: {reason}", id.as_str()));
        }
        let failures = failures
            .iter()
            .map(|(id, reason)| json!({"id": id.as_str(), "reason": reason.to_string()}));
        self.member("failures", failures.collect::<Vec<_>>());
    }

    /// Writes it to standard output. A reader that went away has seen enough.
    pub(crate) fn tell(self, format: Format) -> Result<(), Failure> {
        self.tell_to(format, &mut io::stdout().lock())
    }

    pub(crate) fn tell_to(self, format: Format, out: &mut dyn Write) -> Result<(), Failure> {
        let text = match format {
            Format::Json => format!("{}\n", Value::Object(self.json)),
            Format::Table => self.text(),
        };
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::of(
                anyhow::Error::new(error).context("cannot write the output"),
            )),
            _ => Ok(()),
        }
    }

    fn text(&self) -> String {
        let mut text = format!("{}\n", self.headline);
        for (name, value) in &self.lines {
            writeln!(text, "  {name:<14} {value}").expect("a string takes what is written to it");
        }
        text
    }
}
