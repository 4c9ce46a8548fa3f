use std::process::ExitCode;

/// What the exit codes of the client commands mean: the text for the end of `--help`.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed: the server refused, could not do it, or gave an answer that makes no sense
  2  there are differences: of `diff`, `apply --dry-run`, and `bots diff --exit-code`
  3  not found
  4  conflict: the registration is not at the revision that was asked for, or exists already, or the mod
     is loaded already; or a move would lose what its target holds
  5  the server cannot be reached, or stopped answering
  64 wrong usage";

/// The exit code of wrong usage, as `sysexits.h` has it.
pub const USAGE: u8 = 64;

/// How a client command ended, for scripts to act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It did what it was asked to.
    Done,
    /// It did not, for a reason that has no code of its own.
    Failed,
    /// There is no such registration.
    NotFound,
    /// A condition (`--if-revision`, `--create-only`, that a mod is not loaded yet) does not hold; nothing was changed.
    Conflict,
    /// The server cannot be reached or stopped answering. A write may or may not have happened.
    Unreachable,
    /// What was compared is not the same.
    Differs,
}

impl Exit {
    /// The exit code of the process. [`USAGE`] is left to the parser of arguments.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Differs => 2,
            Self::NotFound => 3,
            Self::Conflict => 4,
            Self::Unreachable => 5,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
