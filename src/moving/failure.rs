use hotbed::registry::Error;
use hotbed::registry::moving::MoveError;
use hotbed_cli::{Exit, USAGE};
use std::io::{self, Write};
use std::process::ExitCode;

/// Why a command ended before it was done, or is done with something missing.
#[derive(Debug)]
pub(crate) struct Failure {
    error: anyhow::Error,
    hint: Option<&'static str>,
    exit: u8,
}

impl Failure {
    /// A failure without a code of its own, unless a store at the bottom of it cannot be reached.
    pub(crate) fn of(error: anyhow::Error) -> Self {
        let registry = error.chain().find_map(|it| it.downcast_ref::<Error>());
        let exit = match registry {
            Some(Error::Unavailable { .. }) => Exit::Unreachable,
            _ => Exit::Failed,
        };
        Self {
            error,
            hint: None,
            exit: exit.code(),
        }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            exit: USAGE,
            ..Self::of(anyhow::Error::msg(message.into()))
        }
    }

    /// The target holds something that must not be lost; nothing was written.
    pub(crate) fn conflict(message: String, hint: &'static str) -> Self {
        Self {
            exit: Exit::Conflict.code(),
            ..Self::of(anyhow::Error::msg(message)).hint(hint)
        }
    }

    pub(crate) fn not_found(message: String) -> Self {
        Self {
            exit: Exit::NotFound.code(),
            ..Self::of(anyhow::Error::msg(message))
        }
    }

    pub(crate) fn stopped() -> Self {
        Self::of(anyhow::Error::msg("stopped before it was done"))
            .hint("run the same command again to go on: what is equal already is skipped")
    }

    pub(crate) fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    pub(crate) fn tell(&self, errors: &mut dyn Write) -> io::Result<()> {
        writeln!(errors, "error: {:#}", self.error)?;
        if let Some(hint) = self.hint {
            writeln!(errors, "hint: {hint}")?;
        }
        Ok(())
    }

    pub(crate) fn exit(&self) -> ExitCode {
        self.exit.into()
    }
}

impl From<MoveError> for Failure {
    fn from(error: MoveError) -> Self {
        match error {
            MoveError::Extras { .. } => Self::conflict(
                error.to_string(),
                "nothing was written: --prune deletes them, for example what the source has deleted since an earlier run; --keep \
                 leaves them alone",
            ),
            MoveError::EmptySource { .. } => Self::conflict(
                error.to_string(),
                "is --from the right one, and --collection?",
            ),
            MoveError::Outrun => Self::of(error.into()),
            error => Self::of(error.into())
                .hint("run the same command again to go on: what is equal already is skipped"),
        }
    }
}
