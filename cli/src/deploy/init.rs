use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use hotbed_deploy::EXAMPLE;
use serde_json::json;

use crate::error::Error;
use crate::exit::Exit;
use crate::options::Format;
use crate::printable::Line;
use crate::session::Session;

/// Where to begin.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hotbed init
  hotbed init configs && hotbed check configs")]
pub struct InitArgs {
    /// The directory to write to; it is made if it is not there
    #[arg(value_name = "DIR", default_value = "configs")]
    dir: PathBuf,
}

pub(crate) fn run(args: &InitArgs, session: &mut Session<'_>) -> Result<Exit, Error> {
    let (mut written, mut kept) = (Vec::new(), Vec::new());
    for file in EXAMPLE {
        let path = args.dir.join(file.path);
        match write_new(&path, file.text) {
            Ok(()) => written.push(path.display().to_string()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                kept.push(path.display().to_string());
            }
            Err(source) => {
                let what = path.display().to_string();
                return Err(Error::Write { what, source });
            }
        }
    }
    match session.format {
        Format::Json => {
            let document = json!({"written": written, "kept": kept});
            session.print_json(&document.to_string())?;
        }
        Format::Table => session.print(|output| {
            for path in &written {
                writeln!(output, "wrote {}", Line(path))?;
            }
            for path in &kept {
                writeln!(output, "kept {}, which is there already", Line(path))?;
            }
            Ok(())
        })?,
    }
    let dir = args.dir.display();
    session.note(&format!(
        "try: hotbed check {dir}, then: hotbed apply {dir}"
    ));
    Ok(Exit::Done)
}

/// Writes a file that is not there yet, whatever else happens meanwhile.
pub(super) fn write_new(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = File::create_new(path)?;
    file.write_all(text.as_bytes())
}
