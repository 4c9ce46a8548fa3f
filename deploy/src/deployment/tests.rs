use std::sync::Arc;

use hotbed_configs::{parse_domain, parse_mods};

use super::*;
use crate::directory::DomainFile;

fn reading(files: &[(&str, &str)]) -> Reading {
    let file = |(path, text): &(&str, &str)| DomainFile {
        path: path.into(),
        text: (*text).into(),
        bots: Arc::new(parse_domain(path, text)),
    };
    Reading {
        root: "configs".into(),
        environments: Vec::new(),
        domains: files.iter().map(file).collect(),
        mods: Vec::new(),
        schemas: Vec::new(),
        problems: Vec::new(),
        parsed: 0,
    }
}

fn refused(files: &[(&str, &str)]) -> Vec<String> {
    let problems = Deployment::prove(&reading(files)).unwrap_err();
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn the_bots_of_all_files_are_one_deployment() {
    let a = "domain: {id: b, team: x}\nbot: {n: 1}\n---\ndomain: {id: a}\nbot: {}\n";
    let reading = reading(&[("z.yaml", a), ("y.yaml", "domain: {id: c}\nbot: {}\n")]);
    let deployment = Deployment::prove(&reading).unwrap();
    let ids: Vec<_> = deployment.bots().map(|(id, _)| id).collect();
    assert_eq!(ids, ["a", "b", "c"]);
    let bot = deployment.bot("b").unwrap();
    assert_eq!(bot.file.display().to_string(), "z.yaml");
    assert_eq!(bot.metadata["team"], "x");
    assert_eq!(bot.config.get("n"), Some(&1.into()));
}

/// Caught: to end at the first problem, to let the last of two files win, to name one place of the two.
#[test]
fn all_that_is_wrong_is_told_with_its_file() {
    let told = refused(&[
        ("a.yaml", "domain: {id: x}\nbot: {}\n"),
        ("b.yaml", "domain: {id: x}\nbot: {}\n"),
        ("c.yaml", "domain: {id: y}\n"),
        (
            "d.yaml",
            "domain: {id: d, managed_by: me, changed_by: me}\nbot: {}\n",
        ),
        (
            "e.yaml",
            "domain: {id: a/b}\nbot: {}\n---\ndomain: {id: '..'}\nbot: {}\n",
        ),
    ]);
    assert_eq!(
        told,
        [
            "b.yaml:1:10: domain.id: \"x\" stands in a.yaml too: give each bot its own",
            "c.yaml:1:1: bot: required, but not given; add it",
            "d.yaml:1:33: domain.changed_by: bot \"d\" must not have it: it is kept for what a writer notes there; choose another key",
            "d.yaml:1:17: domain.managed_by: bot \"d\" must not have it: it is kept for what `hotbed apply` notes there; choose another key",
            "e.yaml:1:10: domain.id: \"a/b\" is no id: slashes, '?', '#', '%' and control characters are not allowed in an id",
            "e.yaml:4:10: domain.id: \"..\" is no id: it means something else in a URL",
        ]
    );
}

/// Caught: to prove what was read and to forget what was not.
#[test]
fn a_file_that_could_not_be_read_is_no_deployment_without_it() {
    let mut reading = reading(&[("a.yaml", "domain: {id: x}\nbot: {}\n")]);
    reading
        .problems
        .push(Problem::NotAFile { path: "p".into() });
    let problems = Deployment::prove(&reading).unwrap_err();
    assert_eq!(problems.to_string(), "p is not a file: remove it");
}

fn mods(files: &[(&str, &str)]) -> Result<Deployment, Problems> {
    let mods = files.iter().map(|(path, text)| ModFile {
        path: path.into(),
        mods: Arc::new(parse_mods(path, text)),
    });
    Deployment::prove(&Reading {
        mods: mods.collect(),
        ..reading(&[])
    })
}

/// Meant to catch: a mod that is called like its file although that is called `mod`, or although the file says an id.
#[test]
fn a_mod_is_called_as_its_file_says_or_like_it() {
    let deployment = mods(&[
        ("mods/wiki.yaml", "path: a.wiki"),
        ("mods/commands/dice/mod.yaml", "path: a.dice"),
        (
            "mods/more.yaml",
            "mods: {cache: {path: a.cache}, board: {path: a.board}}",
        ),
    ])
    .unwrap();
    let named: Vec<&String> = deployment.of(Collection::Mods).keys().collect();
    assert_eq!(named, ["board", "cache", "dice", "wiki"]);
    assert_eq!(deployment.bots().len(), 0);
    let wiki = &deployment.of(Collection::Mods)["wiki"];
    assert_eq!(wiki.config.as_map()["path"], "a.wiki");
}

#[test]
fn two_mods_of_one_id_and_ids_that_are_none_are_told() {
    let wrong = mods(&[
        ("mods/a.yaml", "path: a.b"),
        ("mods/b.yaml", "mods: {a: {path: a.c}, 'x/y': {path: a.d}}"),
    ]);
    let told: Vec<String> = wrong.unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "mods/b.yaml: the mod \"a\" stands in mods/a.yaml too: give each its own id",
            "mods/b.yaml: \"x/y\" is not the id of a mod: slashes, '?', '#', '%' and control characters are not allowed in an id",
        ]
    );
}
