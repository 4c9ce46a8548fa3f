use std::collections::BTreeMap;
use std::io::{self, Write};

use clap::Args;
use hotbed_deploy::{Check, Collection, ConfigWarning, Outlook};
use serde_json::{Value, json};

use super::{Checked, DirectoryArgs, complain, problems_json};
use crate::error::Error;
use crate::exit::Exit;
use crate::options::Format;
use crate::printable::Line;
use crate::session::Session;

/// Which directory to look at.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  hotbed check
  hotbed check configs --env production
  hotbed check configs --output json")]
pub struct CheckArgs {
    #[command(flatten)]
    directory: DirectoryArgs,
}

pub(crate) fn run(args: &CheckArgs, session: &mut Session<'_>) -> Result<Exit, Error> {
    let Checked { check, files } = args.directory.check(session);
    match session.format {
        Format::Json => session.print_json(&document(&check, files).to_string())?,
        Format::Table => {
            let told = sentence(&check, files);
            session.print(|output| {
                writeln!(output, "{}", Line(&told))?;
                write_warnings(&check.warnings, "", output)?;
                for outlook in &check.environments {
                    write(outlook, output)?;
                }
                Ok(())
            })?;
        }
    }
    complain(&check.problems, session);
    Ok(if check.problems.is_empty() {
        Exit::Done
    } else {
        Exit::Failed
    })
}

fn sentence(check: &Check, files: usize) -> String {
    let bots = check.deployment.bots().len();
    let count = |count, one: &str| match count {
        1 => format!("1 {one}"),
        count => format!("{count} {one}s"),
    };
    let mut all = count(bots, "bot");
    let mods = check.deployment.of(Collection::Mods).len();
    if mods > 0 {
        all = format!("{all} and {}", count(mods, "mod"));
    }
    let files = count(files, "file");
    let environments = count(check.environments.len(), "environment");
    let verdict = match check.problems.len() {
        0 => "no problem".to_owned(),
        problems => count(problems, "problem"),
    };
    format!("{all} in {files}, {environments}: {verdict}")
}

fn write(outlook: &Outlook, output: &mut dyn Write) -> io::Result<()> {
    let name = &outlook.name;
    for (variable, message) in &outlook.needs {
        let why = message.as_ref().map(|why| format!(": {why}"));
        let why = why.unwrap_or_default();
        writeln!(output, "{}", Line(&format!("{name} needs {variable}{why}")))?;
    }
    for warning in &outlook.file_warnings {
        let file = outlook.file.display();
        writeln!(output, "{}", Line(&format!("{file}: {warning}")))?;
    }
    write_warnings(&outlook.warnings, &format!("{name}: "), output)
}

fn write_warnings(
    warnings: &BTreeMap<String, Vec<ConfigWarning>>,
    place: &str,
    output: &mut dyn Write,
) -> io::Result<()> {
    for (id, warnings) in warnings {
        for warning in warnings {
            writeln!(output, "{}", Line(&format!("{place}{id}: {warning}")))?;
        }
    }
    Ok(())
}

fn document(check: &Check, files: usize) -> Value {
    let environment = |outlook: &Outlook| {
        let needs = outlook.needs.iter();
        let needs = needs.map(|(variable, why)| json!({"variable": variable, "message": why}));
        let of_file = outlook.file_warnings.iter();
        let of_file = of_file.map(|warning| json!({"id": null, "message": warning.to_string()}));
        let warnings = of_file.chain(warnings_json(&outlook.warnings));
        json!({
            "name": outlook.name,
            "file": outlook.file.display().to_string(),
            "needs": needs.collect::<Vec<_>>(),
            "warnings": warnings.collect::<Vec<Value>>(),
        })
    };
    json!({
        "files": files,
        "bots": check.deployment.bots().len(),
        "mods": check.deployment.of(Collection::Mods).len(),
        "warnings": warnings_json(&check.warnings).collect::<Vec<_>>(),
        "environments": check.environments.iter().map(environment).collect::<Vec<_>>(),
        "problems": problems_json(&check.problems),
    })
}

fn warnings_json(warnings: &BTreeMap<String, Vec<ConfigWarning>>) -> impl Iterator<Item = Value> {
    warnings.iter().flat_map(|(id, warnings)| {
        let tell = move |warning: &ConfigWarning| json!({"id": id, "message": warning.to_string()});
        warnings.iter().map(tell)
    })
}
