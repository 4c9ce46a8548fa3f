/// How often a test does something again: more in a soak, which is a run with `HOTBED_SOAK=1`, than in an ordinary one.
#[expect(
    clippy::disallowed_methods,
    reason = "tests have no command line of their own"
)]
pub fn sized(ordinary: u64, soak: u64) -> u64 {
    match std::env::var_os("HOTBED_SOAK") {
        Some(_) => soak,
        None => ordinary,
    }
}

/// What a run with `HOTBED_REPLAY=…` is to do again, and nothing else: what a test that works at random named when it
/// failed.
#[expect(
    clippy::disallowed_methods,
    reason = "tests have no command line of their own"
)]
pub fn replayed() -> Option<String> {
    std::env::var("HOTBED_REPLAY").ok()
}
