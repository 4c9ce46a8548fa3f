use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// The SHA-256 of some bytes, in hex.
pub(super) type Digest = String;

pub(super) fn digest(bytes: impl AsRef<[u8]>) -> Digest {
    let mut hex = String::new();
    for byte in Sha256::digest(bytes) {
        write!(hex, "{byte:02x}").expect("a string takes what is written to it");
    }
    hex
}
