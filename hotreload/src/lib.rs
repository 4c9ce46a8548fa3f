//! Carries changes to whatever is built from the registry.
