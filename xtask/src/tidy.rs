//! Checks of what no compiler checks: the crate graph, file names, snippets, and the tests that documents name.

mod crates;
mod invariants;
mod naming;
mod snippets;
mod source;
mod tree;

use std::fmt;
use std::path::Path;

use anyhow::{Result, bail};

use tree::SourceFile;

/// Something to mend, where it is, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    file: String,
    line: usize,
    what: String,
}

impl Finding {
    fn new(file: &SourceFile, line: usize, what: impl Into<String>) -> Self {
        Self {
            file: file.path.clone(),
            line,
            what: what.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// Reads the whole tree, prints every finding, and fails if there is one.
pub(crate) fn run(root: &Path) -> Result<()> {
    let files = tree::read(root)?;
    let mut findings = crates::check(&crates::read(&files)?);
    for file in &files {
        findings.extend(naming::check(file));
        findings.extend(source::check(file));
        findings.extend(snippets::check(file));
    }
    findings.extend(invariants::check(&files));
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => Ok(()),
        1 => bail!("tidy found one thing to mend"),
        n => bail!("tidy found {n} things to mend"),
    }
}
