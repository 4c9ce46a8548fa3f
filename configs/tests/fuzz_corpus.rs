//! What a fuzzer has found worth keeping is checked anew with each build: the checks and their corpus are in `fuzz/`.

#[path = "../../fuzz/checks/interpolation.rs"]
mod interpolation;
#[path = "../../fuzz/checks/yaml_config.rs"]
mod yaml_config;

use std::path::Path;

/// Runs a check over its corpus, which must be there.
fn replay(target: &str, check: impl Fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(target);
    let mut replayed = 0;
    for entry in std::fs::read_dir(corpus).expect("a corpus") {
        let path = entry.expect("an entry").path();
        check(&std::fs::read(&path).expect("a file"));
        replayed += 1;
    }
    assert!(replayed >= 20, "only {replayed} inputs of {target}");
}

#[test]
fn texts_become_configurations_or_are_refused() {
    replay("yaml_config", yaml_config::check);
}

#[test]
fn variables_are_filled_in_as_the_grammar_says() {
    replay("interpolation", interpolation::check);
}
