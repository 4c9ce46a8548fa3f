//! A sealed file: a head in clear, and lines that are encrypted and authenticated, each with its place in its file.
//!
//! The head is the format's name, a mark, a random salt, and a check of the key. A line is its length, a check of that
//! length, a nonce, and what AES-256-GCM made of it. A line that was altered, moved, repeated or taken from another file
//! is not opened; where a length was altered, nothing after it is.

use super::key::{CHECK, FileKeys, SALT, SnapshotKey, random};
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce};
use sha2::{Digest, Sha256};
use std::io;

/// What sealed files begin with.
const FORMAT: &[u8] = b"hotbed-snapshot/2\n";
/// Where the mark stands. It is written over in place, which a full disk allows too.
pub(super) const MARK_AT: usize = FORMAT.len();
/// The mark of a file that holds all that was to be written into it.
const WHOLE: u8 = b'w';
/// The mark of a file after which something could not be written.
pub(super) const INCOMPLETE: u8 = b'i';
const SALT_AT: usize = MARK_AT + 1;
const CHECK_AT: usize = SALT_AT + SALT;
pub(super) const HEAD: usize = CHECK_AT + CHECK;
/// The length of a line, and the check of it.
const LENGTH: usize = 8;

/// Seals the lines of one new file, in order.
pub(super) struct Sealer {
    keys: FileKeys,
    salt: [u8; SALT],
    next: u64,
}

impl Sealer {
    /// A new file, and its head.
    pub(super) fn begin(key: &SnapshotKey) -> io::Result<(Self, Vec<u8>)> {
        let salt = random()?;
        let keys = key.of_file(&salt)?;
        let mut head = FORMAT.to_vec();
        head.push(WHOLE);
        head.extend(salt);
        head.extend(keys.check);
        let sealer = Self {
            keys,
            salt,
            next: 0,
        };
        Ok((sealer, head))
    }

    /// The next line of the file.
    pub(super) fn seal(&mut self, line: Vec<u8>) -> io::Result<Vec<u8>> {
        let mut body = line;
        let aad = Aad::from(self.next.to_be_bytes());
        let nonce = self.keys.seal.seal_in_place_append_tag(aad, &mut body);
        let nonce = nonce.map_err(io::Error::other)?;
        let length = u32::try_from(NONCE_LEN + body.len()).map_err(io::Error::other)?;
        let mut sealed = Vec::with_capacity(LENGTH + NONCE_LEN + body.len());
        sealed.extend(length.to_be_bytes());
        sealed.extend(check(&self.salt, self.next, length));
        sealed.extend(nonce.as_ref());
        sealed.extend(body);
        self.next += 1;
        Ok(sealed)
    }
}

/// Why nothing of a file can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("its format is unknown")]
    Format,
    #[error("it was sealed under another key, or its first bytes are damaged")]
    Key,
    /// The process that began it died before it wrote anything into it.
    #[error("it was not even begun")]
    Unbegun,
}

/// Opens the lines of a file.
pub(super) struct Opener {
    keys: FileKeys,
    salt: [u8; SALT],
    at: usize,
    next: u64,
    pub(super) mark: Mark,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Whole,
    Incomplete,
    Damaged,
}

/// What stands next in a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Line(Vec<u8>),
    /// One line is not as it was written; those after it may be.
    Damaged,
    /// Nothing after this can be read.
    Lost,
    /// The last line was not written to its end.
    Torn,
    End,
}

impl Opener {
    pub(super) fn new(key: &SnapshotKey, file: &[u8]) -> Result<Self, Unreadable> {
        let Some((head, _)) = file.split_at_checked(HEAD) else {
            let is_ours = FORMAT.starts_with(file) || file.starts_with(FORMAT);
            return Err(if is_ours {
                Unreadable::Unbegun
            } else {
                Unreadable::Format
            });
        };
        if !head.starts_with(FORMAT) {
            return Err(Unreadable::Format);
        }
        let mut salt = [0; SALT];
        salt.copy_from_slice(&head[SALT_AT..CHECK_AT]);
        let keys = key.of_file(&salt).map_err(|_| Unreadable::Key)?;
        if keys.check != head[CHECK_AT..] {
            return Err(Unreadable::Key);
        }
        let mark = match head[MARK_AT] {
            WHOLE => Mark::Whole,
            INCOMPLETE => Mark::Incomplete,
            _ => Mark::Damaged,
        };
        Ok(Self {
            keys,
            salt,
            at: HEAD,
            next: 0,
            mark,
        })
    }

    /// Reads on in the same file.
    pub(super) fn next(&mut self, file: &[u8]) -> Next {
        let rest = &file[self.at..];
        if rest.is_empty() {
            return Next::End;
        }
        let Some((prefix, rest)) = rest.split_first_chunk::<LENGTH>() else {
            return Next::Torn;
        };
        let [a, b, c, d, given @ ..] = *prefix;
        let length = u32::from_be_bytes([a, b, c, d]);
        if given != check(&self.salt, self.next, length) {
            return Next::Lost;
        }
        let length = length as usize;
        let Some(sealed) = rest.get(..length) else {
            return Next::Torn;
        };
        let aad = Aad::from(self.next.to_be_bytes());
        self.at += LENGTH + length;
        self.next += 1;
        let Some((nonce, body)) = sealed.split_first_chunk::<NONCE_LEN>() else {
            return Next::Damaged;
        };
        let mut body = body.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self.keys.seal.open_in_place(nonce, aad, &mut body);
        if opened.is_err() {
            return Next::Damaged;
        }
        body.truncate(body.len() - AES_256_GCM.tag_len());
        Next::Line(body)
    }
}

/// So that an altered length is not taken for a line that was not written to its end.
fn check(salt: &[u8; SALT], line: u64, length: u32) -> [u8; 4] {
    let digest = Sha256::new()
        .chain_update(salt)
        .chain_update(line.to_be_bytes())
        .chain_update(length.to_be_bytes())
        .finalize();
    [digest[0], digest[1], digest[2], digest[3]]
}
