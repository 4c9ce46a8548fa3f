use super::SnapshotError;
use super::place::private;
use aws_lc_rs::aead::{AES_256_GCM, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use aws_lc_rs::rand;
use secrecy::{ExposeSecret, SecretBox};
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

const BYTES: usize = 32;
pub(super) const SALT: usize = 32;
pub(super) const CHECK: usize = 8;

/// What a [`DiskSnapshot`](super::DiskSnapshot) is sealed under: 32 bytes, written as 64 hexadecimal digits, such as
/// `openssl rand -hex 32` makes. White space around them does not count. It is shown nowhere.
#[derive(Debug, Clone)]
pub struct SnapshotKey(Arc<SecretBox<[u8; BYTES]>>);

/// Why a text is no [`SnapshotKey`]. It does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a snapshot key is 64 hexadecimal digits, such as `openssl rand -hex 32` makes, and this is something else"
)]
pub struct InvalidSnapshotKey;

/// Keys of one file.
pub(super) struct FileKeys {
    pub(super) seal: RandomizedNonceKey,
    /// Tells a wrong key from a damaged file.
    pub(super) check: [u8; CHECK],
}

impl FromStr for SnapshotKey {
    type Err = InvalidSnapshotKey;

    fn from_str(text: &str) -> Result<Self, InvalidSnapshotKey> {
        let digits = text.trim().as_bytes();
        if digits.len() != 2 * BYTES {
            return Err(InvalidSnapshotKey);
        }
        let digit = |at: usize| {
            char::from(digits[at])
                .to_digit(16)
                .ok_or(InvalidSnapshotKey)
        };
        let mut bytes = Box::new([0; BYTES]);
        for (at, byte) in bytes.iter_mut().enumerate() {
            let value = digit(2 * at)? * 16 + digit(2 * at + 1)?;
            *byte = u8::try_from(value).map_err(|_| InvalidSnapshotKey)?;
        }
        Ok(Self(Arc::new(SecretBox::new(bytes))))
    }
}

impl SnapshotKey {
    /// The key that this file holds, made at random if there is none yet. Only its owner may read it.
    pub fn kept_in(path: &Path) -> Result<Self, SnapshotError> {
        let failed = |source| SnapshotError::Key {
            path: path.to_owned(),
            source,
        };
        match std::fs::read_to_string(path) {
            Ok(text) => text
                .parse()
                .map_err(|invalid| failed(io::Error::new(io::ErrorKind::InvalidData, invalid))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Self::make(path).map_err(failed)
            }
            Err(error) => Err(failed(error)),
        }
    }

    fn make(path: &Path) -> io::Result<Self> {
        let bytes = SecretBox::new(Box::new(random::<BYTES>()?));
        let mut digits = String::new();
        for byte in bytes.expose_secret() {
            write!(digits, "{byte:02x}").map_err(io::Error::other)?;
        }
        // Whole or not at all: half a key would lock this node out of what it sealed.
        let new = path.with_extension("key.tmp");
        let mut file =
            private(OpenOptions::new().write(true).create(true).truncate(true)).open(&new)?;
        file.write_all(digits.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&new, path)?;
        Ok(Self(Arc::new(bytes)))
    }

    /// Each file has keys of its own, so that none seals too much, and no part of a file passes for one of another.
    pub(super) fn of_file(&self, salt: &[u8; SALT]) -> io::Result<FileKeys> {
        let file = Salt::new(HKDF_SHA256, salt).extract(self.0.expose_secret());
        let seal = SecretBox::new(Box::new(derive::<BYTES>(&file, b"hotbed-snapshot/2 seal")?));
        let seal = RandomizedNonceKey::new(&AES_256_GCM, seal.expose_secret());
        Ok(FileKeys {
            seal: seal.map_err(io::Error::other)?,
            check: derive(&file, b"hotbed-snapshot/2 check")?,
        })
    }
}

pub(super) fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn derive<const N: usize>(file: &Prk, purpose: &[u8]) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    file.expand(&[purpose], Length(N))
        .and_then(|okm| okm.fill(&mut bytes))
        .map_err(io::Error::other)?;
    Ok(bytes)
}
