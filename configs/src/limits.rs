//! The bounds that keep hostile input from costing more than it may.

/// Says how large one YAML text may be, in bytes.
pub const MAX_TEXT_BYTES: usize = 8 * 1024 * 1024;

/// Says how many objects and lists may be nested in one another. Readers of JSON commonly
/// take 128 levels; a list of registrations puts a few around a configuration, and must be read back anywhere.
pub const MAX_NESTING: usize = 120;

/// Says how many environments may stand behind one another by `extends`, beside the one that is loaded.
pub const MAX_PARENTS: usize = 10;

/// Says how large a configuration may become once YAML aliases, resources and variables are filled in: one unit per
/// byte of text and keys, and four per value. No text of [`MAX_TEXT_BYTES`] reaches it by itself.
pub const MAX_EXPANDED_UNITS: usize = 32 * 1024 * 1024;

/// What a value costs beside its text.
pub(crate) const VALUE_UNITS: usize = 4;

/// Counts what is left of [`MAX_EXPANDED_UNITS`] while something is being filled in.
#[derive(Debug)]
pub(crate) struct Budget {
    left: usize,
}

/// The answer when nothing is left of a [`Budget`].
#[derive(Debug)]
pub(crate) struct Exhausted;

impl Budget {
    pub(crate) fn new() -> Self {
        Self {
            left: MAX_EXPANDED_UNITS,
        }
    }

    pub(crate) fn spend(&mut self, units: usize) -> Result<(), Exhausted> {
        self.left = self.left.checked_sub(units).ok_or(Exhausted)?;
        Ok(())
    }
}
