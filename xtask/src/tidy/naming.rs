//! File names: they say what is inside.

use super::Finding;
use super::tree::SourceFile;

/// Names that say nothing, so everything ends up there.
const EMPTY_NAMES: [&str; 6] = ["common", "helper", "helpers", "misc", "util", "utils"];

pub(super) fn check(file: &SourceFile) -> Vec<Finding> {
    if !["py", "rs", "sh", "ts"].contains(&file.extension()) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    if file.name() == "mod.rs" {
        findings.push(Finding::new(
            file,
            1,
            "a module `foo` lies in `foo.rs` beside the folder `foo/`: rename it",
        ));
    }
    for part in file.path.split('/') {
        let stem = part.split_once('.').map_or(part, |(stem, _)| stem);
        if EMPTY_NAMES.contains(&stem) {
            findings.push(Finding::new(
                file,
                1,
                format!("`{part}` says nothing: name it after what it holds"),
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::tree::file;
    use super::*;

    fn found(path: &str) -> usize {
        check(&file(path, "")).len()
    }

    #[test]
    fn mod_rs_and_names_that_say_nothing_are_found() {
        assert_eq!(found("cache/src/slot/mod.rs"), 1);
        assert_eq!(found("cache/src/utils.rs"), 1);
        assert_eq!(found("tests/it/common/server.rs"), 1);
        assert_eq!(found("web/misc/helpers.ts"), 2);
    }

    #[test]
    fn names_that_only_contain_them_pass() {
        assert_eq!(found("cache/src/commonwealth.rs"), 0);
        assert_eq!(found("cache/src/model.rs"), 0);
        assert_eq!(found("docs/common.md"), 0);
    }
}
