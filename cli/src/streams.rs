use std::fmt;
use std::io::Write;

use tokio::io::AsyncBufRead;

/// Where a command reads from and writes to.
pub struct Streams<'a> {
    /// Standard input.
    pub input: &'a mut (dyn AsyncBufRead + Send + Unpin),
    /// What stands at the other end of the input.
    pub reader: Reader,
    /// Results. When its reader goes away the command ends, and has succeeded.
    pub output: &'a mut (dyn Write + Send),
    /// Errors, warnings, hints and prompts.
    pub errors: &'a mut (dyn Write + Send),
}

/// Who is at the other end of standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// A person at a terminal, who can be asked.
    Person,
    /// A file or another program.
    Program,
}

impl fmt::Debug for Streams<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streams")
            .field("reader", &self.reader)
            .finish_non_exhaustive()
    }
}
