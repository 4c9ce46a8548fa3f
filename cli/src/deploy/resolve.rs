use std::path::PathBuf;

use clap::Args;
use hotbed_deploy::{Directory, Problem, resolve};

use super::{complain, problems_json};
use crate::error::Error;
use crate::exit::Exit;
use crate::options::{Format, Name};
use crate::session::Session;

/// Which bot to resolve, and where.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hotbed resolve greeter --env development
  hotbed resolve greeter configs --env production")]
pub struct ResolveArgs {
    /// The bot
    id: Name,
    /// The directory with environments/ and domains/
    #[arg(value_name = "DIR", default_value = "configs")]
    dir: PathBuf,
    /// The environment whose resources and variables are filled in
    #[arg(long, value_name = "NAME", env = "HOTBED_ENVIRONMENT")]
    env: String,
}

pub(crate) fn run(args: &ResolveArgs, session: &mut Session<'_>) -> Result<Exit, Error> {
    let reading = Directory::new(&args.dir).read();
    let id = args.id.as_str();
    let resolved = match resolve(&reading, &session.process, id, &args.env) {
        Ok(resolved) => resolved,
        Err(problems) => {
            let problems: Vec<Problem> = problems.iter().cloned().collect();
            if session.format == Format::Json {
                session.print_json(
                    &serde_json::json!({"problems": problems_json(&problems)}).to_string(),
                )?;
            }
            complain(&problems, session);
            return Ok(Exit::Failed);
        }
    };
    let Some(resolved) = resolved else {
        return Err(Error::NotInDirectory {
            id: id.to_owned(),
            dir: args.dir.display().to_string(),
        });
    };
    session.print_json(&resolved.redacted().to_string())?;
    for warning in resolved.warnings() {
        session.warn(&warning.to_string());
    }
    Ok(Exit::Done)
}
