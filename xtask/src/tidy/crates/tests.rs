//! The table itself, the check on small manifests, and the check on this workspace.

use std::path::Path;

use super::super::tree::{self, file};
use super::*;

fn package(name: &str, rest: &str) -> SourceFile {
    let folder = name
        .strip_prefix("hotbed-")
        .map(|name| format!("{name}/"))
        .unwrap_or_default();
    file(
        &format!("{folder}Cargo.toml"),
        &format!("[package]\nname = \"{name}\"\n{rest}"),
    )
}

/// What the check says about a workspace of these crates.
fn found(crates: &[(&str, &str)]) -> Vec<String> {
    let members: Vec<String> = crates
        .iter()
        .map(|(name, _)| format!("\"{name}\""))
        .collect();
    let mut files = vec![package(
        "hotbed",
        &format!("[workspace]\nmembers = [{}]", members.join(", ")),
    )];
    files.extend(
        crates
            .iter()
            .map(|(name, rest)| package(&format!("hotbed-{name}"), rest)),
    );
    check(&read(&files).expect("these manifests are well formed"))
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn the_crates_of_this_workspace_know_only_whom_they_may() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies one below the root");
    let crates = read(&tree::read(root).unwrap()).unwrap();
    assert!(crates.len() > 5, "only {} crates were read", crates.len());
    let findings: Vec<String> = check(&crates).iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

#[test]
fn the_table_has_no_cycle_and_names_no_stranger() {
    let table: BTreeMap<&str, Vec<&str>> = MAY_USE
        .iter()
        .map(|(name, uses)| (*name, uses.to_vec()))
        .collect();
    assert_eq!(
        table.len(),
        MAY_USE.len(),
        "a crate stands in the table twice"
    );
    for (name, uses) in MAY_USE {
        for used in *uses {
            assert!(
                table.contains_key(used),
                "`{name}` may use `{used}`, which is not in the table"
            );
            assert!(
                !reaches(&table, used, name),
                "`{name}` may use `{used}`, which may use `{name}`"
            );
        }
    }
}

#[test]
fn a_dependency_outside_the_table_is_found_with_its_line() {
    let found = found(&[(
        "lease",
        "[dependencies]\nanyhow = \"1\"\nhotbed-cache.workspace = true",
    )]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("lease/Cargo.toml:5: `lease` may not use `cache`"),
        "{found:?}"
    );
}

#[test]
fn renamed_platform_and_build_dependencies_count() {
    let cli = "[dependencies]\ndoor = { package = \"hotbed-registry\", path = \"../registry\" }\n\
               [build-dependencies]\nhotbed-configs.workspace = true\n\
               [target.'cfg(unix)'.dependencies]\nhotbed-server.workspace = true";
    let found = found(&[("cli", cli)]);
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(
        found
            .iter()
            .any(|found| found.starts_with("cli/Cargo.toml:4: `cli` may not use `registry`")),
        "{found:?}"
    );
}

#[test]
fn a_crate_that_is_not_in_the_table_is_found() {
    let found = found(&[("gadgets", "")]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("gadgets/Cargo.toml:1: `gadgets` is not in the table of crates"),
        "{found:?}"
    );
}

#[test]
fn tests_may_use_any_crate_that_does_not_use_theirs() {
    let cache = ("cache", "[dependencies]\nhotbed-registry.workspace = true");
    let bots = ("bots", "[dependencies]\nhotbed-cache.workspace = true");
    assert_eq!(
        found(&[
            cache,
            bots,
            (
                "events",
                "[dev-dependencies]\nhotbed-cache.workspace = true"
            )
        ]),
        [""; 0]
    );
    let found = found(&[
        cache,
        bots,
        (
            "registry",
            "[dev-dependencies]\nhotbed-bots.workspace = true",
        ),
    ]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("registry/Cargo.toml:4: `bots` uses `registry`"),
        "{found:?}"
    );
}

#[test]
fn a_crate_may_turn_on_its_own_features_for_its_tests() {
    let registry =
        "[dev-dependencies]\nhotbed-registry = { workspace = true, features = [\"conformance\"] }";
    assert_eq!(found(&[("registry", registry)]), [""; 0]);
}

#[test]
fn the_root_knows_all_and_none_knows_the_root() {
    let root = package(
        "hotbed",
        "[workspace]\nmembers = [\"api\"]\n[dependencies]\nhotbed-api.workspace = true",
    );
    let api = package("hotbed-api", "[dependencies]\nhotbed.workspace = true");
    let found = check(&read(&[root, api]).unwrap());
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (found[0].file.as_str(), found[0].line),
        ("api/Cargo.toml", 4)
    );
}
