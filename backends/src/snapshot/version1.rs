//! The file of version 1, which is read once and replaced: JSON in clear, with a checksum.

use super::line::Stored;
use hotbed_registry::Registration;
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::fmt::Write as _;

const FORMAT: &str = "hotbed-snapshot/1";

/// The file as a whole. The body stays text until its checksum is found right.
#[derive(Deserialize)]
struct Envelope<'a> {
    format: &'a str,
    /// The URL of the registry that the registrations are of.
    #[serde(borrow)]
    registry: Cow<'a, str>,
    sha256: String,
    #[serde(borrow)]
    body: &'a RawValue,
}

/// The registrations of the file, all or none.
pub(super) fn parse(text: &str, registry: &str) -> Result<Vec<Registration>, String> {
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if envelope.format != FORMAT {
        return Err(format!(
            "its format is {:?}, not {FORMAT:?}",
            envelope.format
        ));
    }
    if envelope.sha256 != checksum(&envelope.registry, envelope.body.get()) {
        return Err("its checksum is wrong".to_owned());
    }
    if envelope.registry != registry {
        return Err(format!("it is of another registry, {}", envelope.registry));
    }
    let stored: Vec<Stored> =
        serde_json::from_str(envelope.body.get()).map_err(|error| error.to_string())?;
    stored.into_iter().map(Stored::into_registration).collect()
}

fn checksum(registry: &str, body: &str) -> String {
    Sha256::new()
        .chain_update(registry.len().to_be_bytes())
        .chain_update(registry)
        .chain_update(body)
        .finalize()
        .iter()
        .fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("a string takes what is written to it");
            hex
        })
}
