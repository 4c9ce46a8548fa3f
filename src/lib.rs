//! hotbed.
