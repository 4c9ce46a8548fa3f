use std::io::{self, Write};

use crate::client::Client;
use crate::error::Error;
use crate::json::{line, pretty};
use crate::options::Format;
use crate::printable::Line;
use crate::streams::Streams;

/// What every command has in hand: the server, the streams, and how to show results.
pub(crate) struct Session<'io> {
    pub(crate) client: Client,
    pub(crate) format: Format,
    /// The variables of the process, without the admin token.
    pub(crate) process: Vec<(String, String)>,
    pub(crate) streams: Streams<'io>,
}

impl Session<'_> {
    /// Writes a result, and makes sure that it is out.
    pub(crate) fn print(
        &mut self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Error> {
        let output = &mut *self.streams.output;
        write(output)
            .and_then(|()| output.flush())
            .map_err(Error::Output)
    }

    /// Prints a JSON document, laid out.
    pub(crate) fn print_json(&mut self, json: &str) -> Result<(), Error> {
        // Anything may have answered; what is not JSON has no layout.
        self.client.understand::<serde::de::IgnoredAny>(json)?;
        self.print(|output| writeln!(output, "{}", pretty(json)))
    }

    /// Prints a JSON document on a line of its own, for those that come one after another.
    pub(crate) fn print_json_line(&mut self, json: &str) -> Result<(), Error> {
        self.client.understand::<serde::de::IgnoredAny>(json)?;
        self.print(|output| writeln!(output, "{}", line(json)))
    }

    /// Tells of something that is wrong, though the command did what it was asked to.
    pub(crate) fn warn(&mut self, warning: &str) {
        self.tell("warning: ", warning);
    }

    /// Tells why the command fails.
    pub(crate) fn complain(&mut self, error: &str) {
        self.tell("error: ", error);
    }

    /// Tells a person something that is not part of the result.
    pub(crate) fn note(&mut self, note: &str) {
        self.tell("", note);
    }

    // Results matter, talk beside them does not: that nobody listens to it is no reason to fail.
    fn tell(&mut self, prefix: &str, text: &str) {
        writeln!(self.streams.errors, "{prefix}{}", Line(text)).ok();
    }
}
