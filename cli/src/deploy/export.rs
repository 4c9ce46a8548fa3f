use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use hotbed_deploy::{Deployment, Directory, Entry, Registered, domain_file, file_name};
use serde_json::json;

use super::complain;
use super::existing::existing;
use super::init::write_new;
use crate::error::Error;
use crate::exit::Exit;
use crate::options::Format;
use crate::printable::Line;
use crate::session::Session;

/// Where to write the server's bots as domain files.
#[derive(Debug, Clone)]
pub struct ExportArgs {
    /// The directory to write to; it is made if it is not there.
    pub dir: PathBuf,
    /// Whether files that say something else are replaced.
    pub force: bool,
}

/// What is to be done with one bot.
enum Step {
    /// A file says the same already.
    Same,
    /// There is no such file yet.
    Write { path: PathBuf, text: String },
    /// There is one that says something else.
    Replace { path: PathBuf, text: String },
}

pub(crate) async fn run(args: &ExportArgs, session: &mut Session<'_>) -> Result<Exit, Error> {
    let registered = existing(session).await?;
    let deployment = if args.dir.exists() {
        match Deployment::prove(&Directory::new(&args.dir).read()) {
            Ok(deployment) => deployment,
            Err(problems) => {
                complain(&problems.iter().cloned().collect::<Vec<_>>(), session);
                session.note("nothing was written");
                return Ok(Exit::Failed);
            }
        }
    } else {
        Deployment::default()
    };
    let (mut steps, mut problems) = (BTreeMap::new(), Vec::new());
    for (id, it) in registered.iter().filter(|(_, it)| it.status == "active") {
        match step(id, it, deployment.bot(id), args) {
            Ok(step) => drop(steps.insert(id, step)),
            Err(problem) => problems.push(problem),
        }
    }
    // All or nothing: half of an export would look like all there is.
    if !problems.is_empty() {
        for problem in &problems {
            session.complain(problem);
        }
        session.note("nothing was written");
        return Ok(Exit::Failed);
    }
    let (mut written, mut same) = (Vec::new(), 0);
    for step in steps.into_values() {
        let (path, done) = match &step {
            Step::Same => {
                same += 1;
                continue;
            }
            Step::Write { path, text } => (path, write_new(path, text)),
            Step::Replace { path, text } => (path, fs::write(path, text)),
        };
        let what = path.display().to_string();
        done.map_err(|source| Error::Write {
            what: what.clone(),
            source,
        })?;
        written.push(what);
    }
    let resting: Vec<_> = registered
        .iter()
        .filter(|(_, it)| it.status != "active")
        .map(|(id, _)| id.clone())
        .collect();
    match session.format {
        Format::Json => {
            let document = json!({"written": written, "same": same, "left_out": resting});
            session.print_json(&document.to_string())?;
        }
        Format::Table => session.print(|output| {
            for path in &written {
                writeln!(output, "wrote {}", Line(path))?;
            }
            writeln!(output, "{} written, {same} the same", written.len())
        })?,
    }
    for id in resting {
        session.warn(&format!(
            "{id} is left out: it is out of service, and a domain file has no word for that"
        ));
    }
    Ok(Exit::Done)
}

fn step(
    id: &str,
    registered: &Registered,
    there: Option<&Entry>,
    args: &ExportArgs,
) -> Result<Step, String> {
    let text = domain_file(id, &registered.config, &registered.metadata)
        .map_err(|error| format!("{id} cannot be written as a domain file: {error}"))?;
    let path = args.dir.join("domains").join(file_name(id));
    if let Some(bot) = there {
        if bot.says(&registered.config, &registered.metadata) {
            return Ok(Step::Same);
        }
        if bot.file != path {
            let file = bot.file.display();
            return Err(format!(
                "{id} stands in {file}, and otherwise: change it there, or take it out"
            ));
        }
    }
    match (is_there(&path), args.force) {
        (false, _) => Ok(Step::Write { path, text }),
        (true, true) => Ok(Step::Replace { path, text }),
        (true, false) => Err(format!(
            "{} is there already and says something else: --force replaces it",
            path.display()
        )),
    }
}

/// Whether something has this name, a link that leads nowhere too.
fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}
