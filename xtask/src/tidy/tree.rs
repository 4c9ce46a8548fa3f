//! The text files of the repository that the checks look at.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// One text file: where it lies, with `/` between folders and relative to the root, and what it says.
#[derive(Debug)]
pub(super) struct SourceFile {
    pub(super) path: String,
    pub(super) text: String,
}

impl SourceFile {
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    pub(super) fn extension(&self) -> &str {
        self.name()
            .rsplit_once('.')
            .map_or("", |(_, extension)| extension)
    }

    /// The lines with their numbers, from 1.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
    }
}

const EXTENSIONS: [&str; 6] = ["md", "py", "rs", "sh", "toml", "ts"];
/// Folders of the root that hold what builds and runs leave behind.
const NOT_OURS: [&str; 3] = [".git", "data", "target"];
/// Folders that hold other people's code wherever they are.
const NOWHERE_OURS: [&str; 2] = ["__pycache__", "node_modules"];

/// Reads every text file under `root`, sorted by path.
pub(super) fn read(root: &Path) -> Result<Vec<SourceFile>> {
    let mut files = Vec::new();
    walk(root, "", &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn walk(folder: &Path, prefix: &str, files: &mut Vec<SourceFile>) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot list {}", folder.display()))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if prefix.is_empty() {
            name.clone()
        } else {
            format!("{prefix}/{name}")
        };
        let kind = entry
            .file_type()
            .with_context(|| format!("cannot look at {path}"))?;
        if kind.is_dir() {
            let skipped =
                NOWHERE_OURS.contains(&name.as_str()) || NOT_OURS.contains(&path.as_str());
            if !skipped {
                walk(&entry.path(), &path, files)?;
            }
            continue;
        }
        let mut file = SourceFile {
            path,
            text: String::new(),
        };
        if kind.is_file() && EXTENSIONS.contains(&file.extension()) {
            file.text = fs::read_to_string(entry.path())
                .with_context(|| format!("cannot read {}", file.path))?;
            files.push(file);
        }
    }
    Ok(())
}

#[cfg(test)]
pub(super) fn file(path: &str, text: &str) -> SourceFile {
    SourceFile {
        path: path.to_owned(),
        text: text.to_owned(),
    }
}
