//! A directory of five thousand bots: what it costs to check it, to plan it, and to plan it again once one file is another,
//! beside what it costs to read its files.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark"
)]

#[path = "support/ratio.rs"]
mod ratio;

use hotbed::deploy::{
    Check, CheckTerms, Directory, Owner, Plan, Portability, Prune, TakeOver, Terms,
};
use ratio::{Contender, compare, per_operation};
use std::collections::BTreeMap;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};

const BOTS: usize = 5_000;
const ROUNDS: usize = 5;

fn main() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path();
    for part in ["environments", "domains"] {
        fs::create_dir(dir.join(part)).unwrap();
    }
    let environment = "resources: {llms: {chat: {provider: echo, model: '${MODEL:echo-1}'}}}";
    fs::write(dir.join("environments/production.yaml"), environment).unwrap();
    let paths: Vec<PathBuf> = (0..BOTS).map(|n| write(dir, n, "kindly")).collect();

    let mut known = Directory::new(dir);
    known.read();
    let mut another = Directory::new(dir);
    another.read();
    let (mut changes, mut changes_of_another) = (0_usize, 0_usize);
    let holds = compare(
        "a directory of 5000 bots, one environment",
        ROUNDS,
        Contender {
            name: "floor: read every file",
            limit: None,
            round: Box::new(|| {
                per_operation(1, || {
                    for path in &paths {
                        black_box(fs::read(path).unwrap());
                    }
                })
            }),
        },
        vec![
            Contender {
                name: "read, parse and check",
                limit: None,
                round: Box::new(|| per_operation(1, || drop(plan(&mut Directory::new(dir))))),
            },
            Contender {
                name: "one file is another: read, check and plan again",
                limit: None,
                round: Box::new(|| {
                    changes += 1;
                    write(dir, 42, &format!("kindly, for the {changes}th time"));
                    per_operation(1, || drop(plan(&mut known)))
                }),
            },
            Contender {
                name: "two files are others: only read again",
                limit: None,
                round: Box::new(|| {
                    changes_of_another += 1;
                    write(
                        dir,
                        43,
                        &format!("briefly, for the {changes_of_another}th time"),
                    );
                    // And the one that was changed above.
                    per_operation(1, || assert_eq!(another.read().parsed, 2))
                }),
            },
        ],
    );
    std::process::exit(i32::from(!holds));
}

fn write(dir: &Path, n: usize, how: &str) -> PathBuf {
    let path = dir.join(format!("domains/bot-{n:04}.yaml"));
    let yaml = format!(
        "domain: {{id: bot-{n:04}, name: Bot {n}}}\nbot:\n  llm: {{$resource: chat, type: llms}}\n  system_prompt: Answer {how}.\n"
    );
    fs::write(&path, yaml).unwrap();
    path
}

fn plan(directory: &mut Directory) -> Plan {
    let terms = CheckTerms {
        environment: Some("production"),
        portability: Portability::Demanded,
    };
    let check = Check::of(&directory.read(), &[], terms);
    assert!(check.problems.is_empty());
    let terms = Terms {
        owner: "bench".parse::<Owner>().unwrap(),
        prune: Prune::Keep,
        take_over: TakeOver::Refuse,
    };
    Plan::between(&check.deployment, &BTreeMap::new(), &terms)
}
