use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde_json::{Map, Value};
use tokio::io::AsyncReadExt;

use crate::document::{parse_object, read_object};
use crate::error::Error;
use crate::session::Session;

/// Where an object of an argument comes from: `{…}` is itself, `@FILE` is a file of JSON or YAML, `-` is standard input.
#[derive(Debug, Clone, PartialEq)]
pub enum ObjectSource {
    /// It was written out.
    Here(Map<String, Value>),
    /// It is in a file; `-` is standard input.
    File(PathBuf),
}

impl ObjectSource {
    /// The object.
    pub(crate) async fn read(self, session: &mut Session<'_>) -> Result<Map<String, Value>, Error> {
        match self {
            Self::Here(object) => Ok(object),
            Self::File(file) => read_file(&file, session).await,
        }
    }
}

impl FromStr for ObjectSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix('@') {
            Some("") => Err("there is no file behind the @".to_owned()),
            Some(file) => Ok(Self::File(file.into())),
            None if text == "-" => Ok(Self::File(text.into())),
            None => parse_object(text).map(Self::Here),
        }
    }
}

/// The object in a file of JSON or YAML; `-` is standard input.
pub(crate) async fn read_file(
    file: &Path,
    session: &mut Session<'_>,
) -> Result<Map<String, Value>, Error> {
    let mut bytes = Vec::new();
    let (what, result) = if file == Path::new("-") {
        let read = session.streams.input.read_to_end(&mut bytes).await;
        ("standard input".to_owned(), read.map(|_| bytes))
    } else {
        (file.display().to_string(), tokio::fs::read(file).await)
    };
    let bytes = match result {
        Ok(bytes) => bytes,
        Err(source) => return Err(Error::Input { what, source }),
    };
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned());
    text.and_then(|text| read_object(&text))
        .map_err(|reason| Error::InvalidInput { what, reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_written_out_or_in_a_file() {
        let source = |text: &str| text.parse::<ObjectSource>();
        let here = ObjectSource::Here(Map::from_iter([("a".to_owned(), Value::from(1))]));
        assert_eq!(source("{\"a\": 1}"), Ok(here));
        assert_eq!(source("@a.yaml"), Ok(ObjectSource::File("a.yaml".into())));
        assert_eq!(source("-"), Ok(ObjectSource::File("-".into())));
        assert!(source("@").unwrap_err().contains("no file"));
        assert!(source("a.yaml").unwrap_err().contains("not JSON"));
    }
}
