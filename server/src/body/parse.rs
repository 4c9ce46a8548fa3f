use super::once::Once;
use crate::fault::{Fault, Kind};
use hotbed_api::Place;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

/// Reads a JSON document; what is wrong with it is told with its place.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    read::<Once>(bytes)?;
    read(bytes)
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let parsed = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        // An error of the document as a whole has the path `.`, or `?` where it ends too early.
        let is_whole = matches!(path.as_str(), "." | "?");
        place_fault(if is_whole { String::new() } else { path }, error.inner())
    })?;
    json.end()
        .map_err(|error| place_fault(String::new(), &error))?;
    Ok(parsed)
}

fn place_fault(path: String, error: &serde_json::Error) -> Fault {
    let kind = match error.classify() {
        Category::Data => Kind::Invalid,
        Category::Syntax | Category::Eof | Category::Io => Kind::BadRequest,
    };
    let detail = if path.is_empty() {
        format!("body: {error}")
    } else {
        format!("{path}: {error}")
    };
    let (line, column) = (error.line() as u64, error.column() as u64);
    let place = Place {
        path,
        line: (line > 0).then_some(line),
        column: (line > 0).then_some(column),
    };
    Fault::new(kind, detail).at_place(place)
}
