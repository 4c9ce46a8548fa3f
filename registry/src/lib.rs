//! The one door through which configuration changes.
