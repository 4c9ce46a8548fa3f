//! Turns text into configurations that can be trusted, in steps that are types.
