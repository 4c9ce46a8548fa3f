//! Snippets in documents: every Rust block compiles, so none may be marked `ignore`.

use super::Finding;
use super::tree::SourceFile;

pub(super) fn check(file: &SourceFile) -> Vec<Finding> {
    let is_document =
        file.path == "README.md" || (file.path.starts_with("docs/") && file.extension() == "md");
    match file.extension() {
        "md" if is_document => ignored_blocks(file, Some),
        "rs" => ignored_blocks(file, doc_comment),
        _ => Vec::new(),
    }
}

/// The text of a line of documentation in Rust code.
fn doc_comment(line: &str) -> Option<&str> {
    let line = line.trim_start();
    line.strip_prefix("///")
        .or_else(|| line.strip_prefix("//!"))
}

fn ignored_blocks<'a>(
    file: &'a SourceFile,
    prose: impl Fn(&'a str) -> Option<&'a str>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut open: Option<&str> = None;
    for (number, line) in file.lines() {
        let Some(text) = prose(line) else {
            open = None;
            continue;
        };
        let Some((fence, info)) = fence(text) else {
            continue;
        };
        match open {
            Some(opened) if fence.starts_with(opened) && info.is_empty() => open = None,
            Some(_) => {}
            None => {
                open = Some(fence);
                if is_ignored_rust(info) {
                    let what = "this block is never compiled: make it compile (hide lines behind `# `, or `no_run`)";
                    findings.push(Finding::new(file, number, what));
                }
            }
        }
    }
    findings
}

/// The fence that begins a line, and what stands after it.
fn fence(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    let mark = line
        .chars()
        .next()
        .filter(|mark| matches!(mark, '`' | '~'))?;
    let rest = line.trim_start_matches(mark);
    let fence = &line[..line.len() - rest.len()];
    (fence.len() >= 3).then_some((fence, rest.trim()))
}

/// `rust,ignore`, and `ignore` alone, which rustdoc takes for Rust.
fn is_ignored_rust(info: &str) -> bool {
    info.split([',', ' ', '{', '}'])
        .any(|word| word == "ignore" || word.starts_with("ignore-"))
}

#[cfg(test)]
mod tests {
    use super::super::tree::file;
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        check(&file(path, text))
            .iter()
            .map(|finding| finding.line)
            .collect()
    }

    #[test]
    fn an_ignored_block_is_found_in_documents_and_in_doc_comments() {
        assert_eq!(lines("README.md", "text\n```rust,ignore\nx\n```"), [2]);
        assert_eq!(
            lines("docs/guide/a.md", "~~~rust ignore\n~~~\n```ignore\n```"),
            [1, 3]
        );
        assert_eq!(
            lines(
                "cache/src/lib.rs",
                "//! ```ignore\n//! x\n//! ```\nfn a() {}"
            ),
            [1]
        );
    }

    #[test]
    fn other_blocks_and_other_files_pass() {
        assert_eq!(
            lines(
                "README.md",
                "```rust\n# ignore\n```\n```rust,no_run\n```\n```sh\nignore\n```"
            ),
            [0; 0]
        );
        assert_eq!(lines("NOTES.md", "```rust,ignore\n```"), [0; 0]);
        assert_eq!(
            lines("cache/src/lib.rs", "let a = \"\n```ignore\n\";"),
            [0; 0]
        );
    }

    #[test]
    fn a_fence_shown_inside_a_longer_fence_is_text() {
        assert_eq!(
            lines(
                "docs/a.md",
                "````text\n```rust,ignore\n```\n````\n```ignore\n```"
            ),
            [5]
        );
    }
}
