//! Texts as parts of a URL.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything but what RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// An id as one segment of a path. It is none that means something there: no id is.
pub(super) fn escape(id: &str) -> String {
    utf8_percent_encode(id, RESERVED).to_string()
}

/// A text as a value of a query.
pub(super) fn escape_value(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}
