//! Lets many use a value and destroys it once, after the last.
