//! Does from a terminal what the API allows.
