use std::time::Duration;

use tokio::time::Instant;

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(30);

/// An attempt so long after the one before has nothing to do with it.
const FORGOTTEN: Duration = Duration::from_secs(90);

/// How long to wait before the next attempt: twice as long each time, up to 30 s, and never quite alike, so that many
/// who lost the same server do not all come back at once. After a time without attempts it begins anew.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    latest: Option<(Instant, Duration)>,
}

impl Backoff {
    /// The wait before an attempt.
    pub(crate) fn next_delay(&mut self) -> Duration {
        let now = Instant::now();
        let delay = match self.latest {
            Some((at, delay)) if now.duration_since(at) < FORGOTTEN => (delay * 2).min(LONGEST),
            _ => FIRST,
        };
        self.latest = Some((now, delay));
        delay.mul_f64(rand::random_range(0.5..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn waits_grow_to_a_limit_and_begin_anew_after_a_time_of_peace() {
        let mut backoff = Backoff::default();
        let first = backoff.next_delay();
        assert!(first <= FIRST && first >= FIRST / 2, "{first:?}");
        let late = (0..20).map(|_| backoff.next_delay()).last().unwrap();
        assert!(late <= LONGEST && late >= LONGEST / 2, "{late:?}");
        tokio::time::advance(FORGOTTEN).await;
        assert!(backoff.next_delay() <= FIRST);
    }
}
