//! Who may know whom among the crates of this workspace.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use toml::{Table, Value};

use super::Finding;
use super::tree::SourceFile;

/// Each crate, without the prefix `hotbed-`, and the crates it may use. A crate is one sentence (docs/ARCHITECTURE.md);
/// a line added here is a decision about the design, not a repair. A row may stand before its crate does.
const MAY_USE: &[(&str, &[&str])] = &[
    ("configs", &[]),
    ("events", &[]),
    ("lease", &[]),
    ("api", &[]),
    // Outside of the product: what its tests run against, and its tasks.
    ("testkit", &[]),
    ("xtask", &["testkit"]),
    ("registry", &["configs", "events"]),
    ("fleet", &["events", "registry"]),
    ("knowledge", &["events"]),
    ("mods", &["configs", "events", "lease"]),
    ("agents", &["configs", "events", "mods"]),
    (
        "desk",
        &["agents", "configs", "hotreload", "mods", "registry"],
    ),
    ("deploy", &["configs"]),
    ("cli", &["api", "deploy"]),
    ("cache", &["registry", "configs", "lease"]),
    ("bots", &["cache", "configs", "knowledge"]),
    (
        "backends",
        &["registry", "events", "fleet", "knowledge", "api"],
    ),
    ("hotreload", &["registry", "events", "cache"]),
    (
        "server",
        &[
            "agents",
            "api",
            "bots",
            "cache",
            "configs",
            "desk",
            "events",
            "fleet",
            "hotreload",
            "knowledge",
            "mods",
            "registry",
        ],
    ),
];
/// The root package wires all others together, so it knows them all; nothing may know it but tests.
const ROOT: &str = "hotbed";

/// One crate of the workspace and the crates of the workspace it names.
#[derive(Debug)]
pub(super) struct Crate {
    manifest: String,
    name: String,
    uses: Vec<Use>,
}

#[derive(Debug)]
struct Use {
    name: String,
    line: usize,
    section: Section,
}

/// Tests may use what they like, as long as it does not use the crate they test. (A crate may stand in its own
/// `dev-dependencies`: that only turns on its features for its tests.)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Build,
    Tests,
}

/// Reads the manifest of every crate of the workspace; manifests elsewhere (a fuzz crate, a fixture) are not its part.
pub(super) fn read(files: &[SourceFile]) -> Result<Vec<Crate>> {
    let root = files
        .iter()
        .find(|file| file.path == "Cargo.toml")
        .context("there is no Cargo.toml in the root")?;
    let table = parse(root)?;
    let members = table
        .get("workspace")
        .and_then(|workspace| workspace.get("members"))
        .and_then(Value::as_array);
    let members = members.context("Cargo.toml: `workspace.members` is no list")?;
    let mut crates = vec![crate_of(root, &table)?];
    for member in members.iter().filter_map(Value::as_str) {
        let path = format!("{member}/Cargo.toml");
        let file = files
            .iter()
            .find(|file| file.path == path)
            .with_context(|| format!("there is no {path}"))?;
        crates.push(crate_of(file, &parse(file)?)?);
    }
    Ok(crates)
}

fn parse(file: &SourceFile) -> Result<Table> {
    file.text
        .parse()
        .with_context(|| format!("{} is not TOML", file.path))
}

fn crate_of(file: &SourceFile, table: &Table) -> Result<Crate> {
    let name = table
        .get("package")
        .and_then(|package| package.get("name"))
        .and_then(Value::as_str);
    let name = name.with_context(|| format!("{}: `package.name` is missing", file.path))?;
    // Dependencies of one platform or `cfg` are dependencies too.
    let targets = table.get("target").and_then(Value::as_table);
    let platforms = targets
        .into_iter()
        .flat_map(Table::values)
        .filter_map(Value::as_table);
    let mut uses = Vec::new();
    for part in std::iter::once(table).chain(platforms) {
        for (key, section) in [
            ("dependencies", Section::Build),
            ("build-dependencies", Section::Build),
            ("dev-dependencies", Section::Tests),
        ] {
            let entries = part.get(key).and_then(Value::as_table);
            for (alias, entry) in entries.into_iter().flatten() {
                let package = entry
                    .get("package")
                    .and_then(Value::as_str)
                    .unwrap_or(alias);
                if let Some(name) = short(package) {
                    uses.push(Use {
                        name: name.to_owned(),
                        line: line_of(file, alias),
                        section,
                    });
                }
            }
        }
    }
    Ok(Crate {
        manifest: file.path.clone(),
        name: short(name).unwrap_or(name).to_owned(),
        uses,
    })
}

/// The name in the table above of a package of ours; `None` for a package of others.
fn short(package: &str) -> Option<&str> {
    if package == ROOT {
        Some(package)
    } else {
        package.strip_prefix("hotbed-")
    }
}

fn line_of(file: &SourceFile, key: &str) -> usize {
    let begins = |line: &str| {
        line.strip_prefix(key)
            .is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
    };
    file.lines()
        .find(|(_, line)| begins(line.trim_start()))
        .map_or(1, |(number, _)| number)
}

/// Compares what the manifests say with the table, and refuses test dependencies that close a cycle.
pub(super) fn check(crates: &[Crate]) -> Vec<Finding> {
    let build: BTreeMap<&str, Vec<&str>> = crates
        .iter()
        .map(|one| {
            let uses = one
                .uses
                .iter()
                .filter(|used| used.section == Section::Build);
            (
                one.name.as_str(),
                uses.map(|used| used.name.as_str()).collect(),
            )
        })
        .collect();
    let mut findings = Vec::new();
    for one in crates {
        let allowed = MAY_USE
            .iter()
            .find(|(name, _)| *name == one.name)
            .map(|(_, allowed)| *allowed);
        if allowed.is_none() && one.name != ROOT {
            let what = format!(
                "`{}` is not in the table of crates: decide what it may use, in {}",
                one.name,
                file!()
            );
            findings.push(Finding {
                file: one.manifest.clone(),
                line: 1,
                what,
            });
            continue;
        }
        for used in &one.uses {
            let what = match used.section {
                Section::Build
                    if one.name == ROOT || allowed.unwrap_or_default().contains(&&*used.name) =>
                {
                    continue;
                }
                Section::Build => format!(
                    "`{}` may not use `{}`: move the code to where both may know it (table in {})",
                    one.name,
                    used.name,
                    file!()
                ),
                Section::Tests
                    if used.name == one.name || !reaches(&build, &used.name, &one.name) =>
                {
                    continue;
                }
                Section::Tests => format!(
                    "`{}` uses `{}`, so the tests of `{}` may not use it: move them to `{}`",
                    used.name, one.name, one.name, used.name
                ),
            };
            findings.push(Finding {
                file: one.manifest.clone(),
                line: used.line,
                what,
            });
        }
    }
    findings
}

/// Whether `from` is `to` or uses it, directly or through others.
fn reaches(build: &BTreeMap<&str, Vec<&str>>, from: &str, to: &str) -> bool {
    let mut seen = Vec::new();
    let mut next = vec![from];
    while let Some(name) = next.pop() {
        if name == to {
            return true;
        }
        if !seen.contains(&name) {
            seen.push(name);
            next.extend(build.get(name).into_iter().flatten());
        }
    }
    false
}

#[cfg(test)]
mod tests;
