use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where an export goes, or an import comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// `-`: standard output or input, as an archive.
    Standard,
    /// A directory of YAML files, one for each registration: what is one, or ends with a slash.
    Directory(PathBuf),
    /// An archive.
    File(PathBuf),
}

impl FromStr for Place {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let path = PathBuf::from(text);
        Ok(if text == "-" {
            Self::Standard
        } else if text.ends_with(std::path::MAIN_SEPARATOR) || path.is_dir() {
            Self::Directory(path)
        } else {
            Self::File(path)
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard => f.write_str("-"),
            Self::Directory(path) | Self::File(path) => path.display().fmt(f),
        }
    }
}
