//! The commands for a directory of configurations that is kept in git.

pub(crate) mod apply;
pub(crate) mod check;
mod errand;
mod existing;
pub(crate) mod export;
pub(crate) mod init;
mod outcome;
pub(crate) mod plan;
pub(crate) mod resolve;

use std::path::PathBuf;

use clap::Args;
use hotbed_deploy::{Check, CheckTerms, Directory, Portability, Problem};
use serde_json::{Value, json};

use crate::session::Session;

pub use apply::ApplyArgs;
pub use check::CheckArgs;
pub use export::ExportArgs;
pub use init::InitArgs;
pub use plan::{OwnerArgs, PlanArgs};
pub use resolve::ResolveArgs;

/// Which directory, and which of its environments must be fit for this machine.
#[derive(Debug, Clone, Args)]
pub struct DirectoryArgs {
    /// The directory with environments/ and domains/
    #[arg(value_name = "DIR", default_value = "configs")]
    dir: PathBuf,
    /// The environment whose variables must be set here; of all others, those that are not set are listed
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
    /// Do not mind what means something else on another machine, such as the path of a home directory
    #[arg(long)]
    allow_unportable: bool,
}

impl DirectoryArgs {
    /// Looks at all of the directory.
    fn check(&self, session: &Session<'_>) -> Checked {
        let reading = Directory::new(&self.dir).read();
        let terms = CheckTerms {
            environment: self.env.as_deref(),
            portability: if self.allow_unportable {
                Portability::Waived
            } else {
                Portability::Demanded
            },
        };
        let check = Check::of(&reading, &session.process, terms);
        Checked {
            check,
            files: reading.domains.len() + reading.mods.len(),
        }
    }
}

/// What was found out about a directory.
struct Checked {
    check: Check,
    /// How many domain and mod files there are.
    files: usize,
}

/// Tells what is wrong with a directory.
fn complain(problems: &[Problem], session: &mut Session<'_>) {
    for problem in problems {
        session.complain(&problem.to_string());
    }
}

/// The same for programs.
fn problems_json(problems: &[Problem]) -> Value {
    let problem = |problem: &Problem| {
        let location = problem.location();
        json!({
            "file": problem.path().map(|path| path.display().to_string()),
            "line": location.map(|it| it.line),
            "column": location.map(|it| it.column),
            "key": problem.key(),
            "message": problem.to_string(),
        })
    };
    problems.iter().map(problem).collect()
}
