//! The text of one file.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use hotbed_configs::MAX_TEXT_BYTES;

use crate::problem::Problem;

/// Reads a file that is expected to have so many bytes.
pub(super) fn read(path: &Path, bytes: u64) -> Result<String, Problem> {
    let most = MAX_TEXT_BYTES as u64;
    let too_large = |bytes| Problem::TooLarge {
        file: path.to_owned(),
        bytes,
    };
    if bytes > most {
        return Err(too_large(bytes));
    }
    let mut content = Vec::new();
    let read = File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut content));
    read.map_err(|error| Problem::unreadable(path, &error))?;
    let bytes = content.len() as u64;
    // It may have grown since it was listed.
    if bytes > most {
        return Err(too_large(bytes));
    }
    String::from_utf8(content).map_err(|error| Problem::NotUtf8 {
        file: path.to_owned(),
        byte: error.utf8_error().valid_up_to(),
    })
}
