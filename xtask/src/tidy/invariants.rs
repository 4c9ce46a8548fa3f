//! The tests that documents name: each must exist.

use std::collections::HashSet;
use std::iter;

use super::Finding;
use super::tree::SourceFile;

const DOCUMENT: &str = "docs/ARCHITECTURE.md";
/// Documents that name tests too.
const OTHERS: [&str; 1] = ["docs/compatibility.md"];

pub(super) fn check(files: &[SourceFile]) -> Vec<Finding> {
    let Some(document) = files.iter().find(|file| file.path == DOCUMENT) else {
        let what = "write it: its invariants each name the test that holds them".to_owned();
        return vec![Finding {
            file: DOCUMENT.to_owned(),
            line: 1,
            what,
        }];
    };
    if named_tests(document).is_empty() {
        return vec![Finding::new(
            document,
            1,
            "no table has a column headed `test` that names one: add it",
        )];
    }
    let existing: HashSet<&str> = files.iter().flat_map(functions).collect();
    let others = files
        .iter()
        .filter(|file| OTHERS.contains(&file.path.as_str()));
    let mut findings = Vec::new();
    for document in iter::once(document).chain(others) {
        for (line, test) in named_tests(document) {
            if !existing.contains(test) {
                findings.push(Finding::new(document, line, no_such_test(test)));
            }
        }
    }
    findings
}

fn no_such_test(test: &str) -> String {
    format!("no function is called `{test}`: write that test, or name the one that holds this")
}

/// Every test that a table names in its column `test`, with its line.
fn named_tests(document: &SourceFile) -> Vec<(usize, &str)> {
    let mut named = Vec::new();
    let mut column: Option<usize> = None;
    let mut in_table = false;
    for (number, line) in document.lines() {
        if !line.trim_start().starts_with('|') {
            (in_table, column) = (false, None);
            continue;
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if !in_table {
            in_table = true;
            column = cells
                .iter()
                .position(|cell| cell.eq_ignore_ascii_case("test"));
            continue;
        }
        let cell = column
            .and_then(|column| cells.get(column))
            .copied()
            .unwrap_or_default();
        named.extend(test_names(cell).map(|test| (number, test)));
    }
    named
}

/// What stands in backticks and looks like a function: `a_b_c`, or the end of `module::a_b_c`.
fn test_names(cell: &str) -> impl Iterator<Item = &str> {
    let quoted = cell.split('`').skip(1).step_by(2);
    let last = quoted.map(|path| path.rsplit("::").next().unwrap_or(path));
    last.filter(|name| name.contains('_') && name.bytes().all(is_name_byte))
}

/// The names of all functions a file defines, in Rust or Python.
fn functions(file: &SourceFile) -> impl Iterator<Item = &str> {
    let keyword = match file.extension() {
        "rs" => "fn ",
        "py" => "def ",
        _ => return Vec::new().into_iter(),
    };
    let defined = file.text.lines().filter_map(move |line| {
        let (before, after) = line.split_once(keyword)?;
        let end = after
            .bytes()
            .position(|byte| !is_name_byte(byte))
            .unwrap_or(after.len());
        (!before.contains("//") && !before.ends_with(|c: char| c.is_alphanumeric()))
            .then_some(&after[..end])
    });
    defined.collect::<Vec<_>>().into_iter()
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::super::tree::file;
    use super::*;

    const TABLE: &str = "\
| invariant | Test |
|---|---|
| monotonic | `no_stale_read`, `slot::never_goes_back` (`Slot`) |
| other | `some_thing` |

| `not_a_test` | what |
|---|---|
| `nor_this` | x |
";

    fn findings(tests: &str) -> Vec<String> {
        let files = [file(DOCUMENT, TABLE), file("cache/src/slot.rs", tests)];
        check(&files).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_named_test_must_exist_as_a_function() {
        let found = findings(
            "    async fn no_stale_read() {}\n// fn some_thing()\nfn never_goes_back<T>() {}",
        );
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("docs/ARCHITECTURE.md:4: no function is called `some_thing`"),
            "{found:?}"
        );
        assert_eq!(
            findings("fn no_stale_read() {}\nfn never_goes_back() {}\nfn some_thing() {}"),
            [""; 0]
        );
    }

    #[test]
    fn what_another_document_names_must_exist_too() {
        let table = "| x | test |\n|---|---|\n| a | `server/slot::is_there`, `is_not_there` |\n";
        let files = [
            file(DOCUMENT, "| x | test |\n|---|---|\n| a | `is_there` |\n"),
            file(OTHERS[0], table),
            file("server/tests/slot.rs", "fn is_there() {}"),
        ];
        let found: Vec<String> = check(&files).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("docs/compatibility.md:3: no function is called `is_not_there`"),
            "{found:?}"
        );
    }

    #[test]
    fn a_check_in_python_counts() {
        let table = "| x | test |\n|---|---|\n| a | `poller_is_quiet` |\n";
        let files = [
            file(DOCUMENT, table),
            file("tests/a.py", "async def poller_is_quiet(run) -> None:"),
        ];
        assert_eq!(check(&files), []);
    }

    #[test]
    fn a_document_that_is_missing_or_names_no_test_is_found() {
        assert_eq!(check(&[]).len(), 1);
        assert_eq!(
            check(&[file(DOCUMENT, "| a | b |\n|---|---|\n| `x_y` | z |")]).len(),
            1
        );
    }
}
