//! What no Rust file may contain.

use super::Finding;
use super::tree::SourceFile;

// In two halves, or this file would find itself.
const UNDONE: &str = concat!("todo", "!(");
const IGNORED: &str = concat!("#[", "ignore]");

pub(super) fn check(file: &SourceFile) -> Vec<Finding> {
    if file.extension() != "rs" {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (number, line) in file.lines() {
        let code = line.split("//").next().unwrap_or(line);
        if code.contains(UNDONE) {
            findings.push(Finding::new(
                file,
                number,
                "write the missing code, or return an error that says so",
            ));
        }
        if code.contains(IGNORED) {
            let what = "say why the test does not run: `#[ignore = \"reason\"]`, or assert today's behaviour instead";
            findings.push(Finding::new(file, number, what));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::tree::file;
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        check(&file("src/a.rs", text))
            .iter()
            .map(|finding| finding.line)
            .collect()
    }

    #[test]
    fn undone_code_is_found_with_its_line() {
        assert_eq!(
            lines(&format!("fn a() {{\n    {UNDONE}\"later\")\n}}")),
            [2]
        );
    }

    #[test]
    fn an_ignored_test_needs_a_reason() {
        assert_eq!(lines(&format!("#[test]\n{IGNORED}\nfn a() {{}}")), [2]);
        assert_eq!(
            lines("#[test]\n#[ignore = \"needs a network\"]\nfn a() {}"),
            [0; 0]
        );
    }

    #[test]
    fn comments_and_other_files_may_speak_of_it() {
        assert_eq!(lines(&format!("// no {UNDONE}) here")), [0; 0]);
        assert!(check(&file("docs/a.md", UNDONE)).is_empty());
    }
}
