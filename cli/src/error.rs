use std::error::Error as _;
use std::io::{self, Write};

use hotbed_api::Problem;
use reqwest::StatusCode;

use crate::exit::Exit;
use crate::printable::Line;

/// The problem of a version that is forgotten, or never was.
const NO_VERSION: &str = "urn:hotbed:problem:no-version";

/// The problem of a mod that is to be loaded, and is there already.
const TAKEN: &str = "urn:hotbed:problem:taken";

/// Why a command ended before it was done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Nobody can be told any more.
    #[error("cannot write the output")]
    Output(#[source] io::Error),
    /// What was to be sent cannot be read.
    #[error("cannot read {what}")]
    Input { what: String, source: io::Error },
    /// What was to be sent is not what it must be.
    #[error("{what} cannot be used: {reason}")]
    InvalidInput { what: String, reason: String },
    /// A file cannot be written.
    #[error("cannot write {what}")]
    Write { what: String, source: io::Error },
    /// No domain file has such a bot.
    #[error("no bot {id:?} stands in {dir}/domains")]
    NotInDirectory { id: String, dir: String },
    /// Nobody would notice that the command is to end.
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
    /// Not even a request could be made.
    #[error("cannot set up HTTP")]
    Setup(#[source] reqwest::Error),
    /// Nobody answers there.
    #[error("cannot reach {server}")]
    Unreachable {
        server: String,
        source: reqwest::Error,
    },
    /// Somebody answers there, and does not any more.
    #[error("{server} stopped answering")]
    Silent {
        server: String,
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server said no, and why.
    #[error("{}", .0.detail)]
    Refused(Box<Problem>),
    /// The server knows no such mod.
    #[error("{}", .0.detail)]
    NoMod(Box<Problem>),
    /// The server knows neither such a bot nor such a mod.
    #[error("no bot and no mod is called {name:?}")]
    Nobody { name: String },
    /// The network does not let an agent do what it asked for.
    #[error("the network refuses the agent {id:?}: {why}")]
    NoAgent { id: String, why: String },
    /// What answers there does not speak like one of our servers.
    #[error("{server} answered {status}, and not as a hotbed server does{excerpt}")]
    Foreign {
        server: String,
        status: StatusCode,
        excerpt: String,
    },
    /// The answer cannot be read.
    #[error("the answer of {server} is not understood")]
    Unintelligible {
        server: String,
        source: serde_json::Error,
    },
    /// There is nothing to compare with.
    #[error(
        "no version of {id:?} before revision {revision} is remembered: name another with --from"
    )]
    NoEarlierVersion { id: String, revision: u64 },
    /// An answer that came in pieces has no end.
    #[error("the reply broke off")]
    BrokenOff,
}

impl Error {
    /// The same, where a mod was asked for: if there is nothing, it is a mod that there is not.
    pub(crate) fn about_a_mod(self) -> Self {
        match self {
            Self::Refused(problem) if problem.status == 404 => Self::NoMod(problem),
            other => other,
        }
    }

    /// The exit code that a script sees.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            // Whoever reads along has seen enough: `hotbed bots list | head -1`.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
            Self::Unreachable { .. } | Self::Silent { .. } => Exit::Unreachable,
            Self::NoEarlierVersion { .. }
            | Self::NotInDirectory { .. }
            | Self::NoMod(_)
            | Self::Nobody { .. } => Exit::NotFound,
            Self::Refused(problem) => match problem.status {
                404 => Exit::NotFound,
                412 => Exit::Conflict,
                409 if problem.kind == TAKEN => Exit::Conflict,
                _ => Exit::Failed,
            },
            _ => Exit::Failed,
        }
    }

    /// Whether the same request may succeed later: the server is away, starting or overloaded.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Silent { .. } => true,
            Self::Refused(problem) => problem.status >= 500 || problem.status == 429,
            // What stands in front of a server that is away.
            Self::Foreign { status, .. } => status.is_server_error(),
            _ => false,
        }
    }

    /// Whether somebody answered who has no time now, or cannot reach what it needs: that passes by itself.
    pub(crate) fn is_busy(&self) -> bool {
        self.status() == Some(429) || self.is_unsettled()
    }

    /// Whether somebody answered who cannot tell what became of a write: what is behind it may have done it.
    pub(crate) fn is_unsettled(&self) -> bool {
        matches!(self.status(), Some(502..=504))
    }

    /// The status of an answer that is no success.
    fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(problem) => Some(problem.status),
            Self::Foreign { status, .. } => Some(status.as_u16()),
            _ => None,
        }
    }

    /// Tells a person what went wrong and what may help. Says nothing when the reader went away.
    pub(crate) fn report(&self, errors: &mut dyn Write) {
        if self.exit() == Exit::Done {
            return;
        }
        // An error about errors helps nobody.
        self.write(errors).ok();
    }

    fn write(&self, errors: &mut dyn Write) -> io::Result<()> {
        let message = self.to_string();
        write!(errors, "error: {}", Line(&message))?;
        if let Some(cause) = self.root_cause() {
            write!(errors, ": {}", Line(&cause))?;
        }
        writeln!(errors)?;
        if let Self::Refused(problem) = self {
            for each in problem
                .problems
                .iter()
                .filter(|each| !message.contains(*each))
            {
                writeln!(errors, "  - {}", Line(each))?;
            }
        }
        for hint in self.hints() {
            writeln!(errors, "hint: {}", Line(&hint))?;
        }
        Ok(())
    }

    /// What lies at the bottom: the layers of an HTTP client in between tell a person nothing.
    fn root_cause(&self) -> Option<String> {
        let mut cause = self.source()?;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        Some(cause.to_string())
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Unreachable { .. } => {
                vec!["start one with: hotbed serve (or name another with --server)".into()]
            }
            Self::Silent { .. } => vec![
                "look how it is doing with: hotbed health (or wait longer with --timeout)".into(),
            ],
            Self::Foreign { status, .. } if matches!(status.as_u16(), 401 | 403) => vec![
                "what stands in front of the server may want a password: --server https://NAME:PASSWORD@HOST".into(),
            ],
            Self::Foreign { .. } => vec!["is --server the address of a hotbed server?".into()],
            Self::NoMod(_) => vec!["see which there are with: hotbed mods list".into()],
            Self::Nobody { .. } => vec![
                "see which there are with: hotbed bots list, and hotbed mods list".into(),
            ],
            Self::Refused(problem) => hints_for(problem),
            _ => Vec::new(),
        }
    }
}

fn hints_for(problem: &Problem) -> Vec<String> {
    let hint = match (problem.status, problem.revision) {
        (401, _) => Some(
            "the server's admin token goes into HOTBED_ADMIN_TOKEN, or into a file that --admin-token-file names".into(),
        ),
        (403, _) => Some(
            "once the server has an admin token, it goes here into HOTBED_ADMIN_TOKEN too, or into a file that \
             --admin-token-file names"
                .into(),
        ),
        (404, _) if problem.kind == NO_VERSION => {
            Some("see which there are with: hotbed bots history".into())
        }
        (404, _) => Some("see what there is with: hotbed bots list".into()),
        (412, Some(revision)) => Some(format!(
            "it is at revision {revision} now: look at it, then use --if-revision {revision}"
        )),
        _ => None,
    };
    let request = problem
        .request_id
        .as_ref()
        .filter(|_| problem.status >= 500);
    let request = request.map(|id| format!("the server's log tells more about request {id}"));
    hint.into_iter().chain(request).collect()
}
