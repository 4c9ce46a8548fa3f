use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(5);

/// Looks again and again until `probe` is content, and answers what it found; fails with what it saw last if that
/// takes longer than `within`.
pub(crate) async fn eventually<T>(
    what: &str,
    within: Duration,
    mut probe: impl AsyncFnMut() -> Result<T, String>,
) -> T {
    let begun = Instant::now();
    loop {
        match probe().await {
            Ok(found) => return found,
            Err(seen) if begun.elapsed() > within => {
                panic!("{what}: not within {within:?}; last seen: {seen}")
            }
            Err(_) => sleep(PAUSE).await,
        }
    }
}
