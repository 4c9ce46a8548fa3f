use std::time::Duration;

use crate::error::ChatError;

/// How often a provider is asked for one reply.
const ATTEMPTS: u32 = 3;

/// The longest wait before the second attempt; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// How long to wait after an attempt that failed before the next, or `None` to give up.
///
/// `jitter` is a random number from 0 to 1: the nodes of a fleet must not come back together.
pub(super) fn wait(
    attempt: u32,
    error: &ChatError,
    left: Duration,
    jitter: f64,
) -> Option<Duration> {
    let ChatError::ProviderUnavailable { retry_after, .. } = error else {
        return None;
    };
    let longest = FIRST_WAIT * 2_u32.pow(attempt - 1);
    let wait = retry_after.unwrap_or_else(|| longest.mul_f64(0.5 + jitter / 2.0));
    (attempt < ATTEMPTS && wait < left).then_some(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn unavailable(retry_after: Option<Duration>) -> ChatError {
        ChatError::ProviderUnavailable {
            detail: String::new(),
            retry_after,
        }
    }

    #[test]
    fn waits_grow_and_are_jittered_and_the_third_attempt_is_the_last() {
        let error = unavailable(None);
        let waits = |jitter| [1, 2, 3].map(|attempt| wait(attempt, &error, MINUTE, jitter));
        let ms = |ms| Some(Duration::from_millis(ms));
        assert_eq!(waits(0.0), [ms(250), ms(500), None]);
        assert_eq!(waits(1.0), [ms(500), ms(1000), None]);
    }

    #[test]
    fn the_providers_own_wait_is_honoured_if_there_is_time_for_it() {
        let error = unavailable(Some(Duration::from_secs(7)));
        assert_eq!(wait(1, &error, MINUTE, 0.5), Some(Duration::from_secs(7)));
        assert_eq!(wait(1, &error, Duration::from_secs(7), 0.5), None);
    }

    #[test]
    fn what_will_not_get_better_is_not_tried_again() {
        let refused = ChatError::ProviderRefused {
            detail: String::new(),
        };
        let broken = ChatError::BrokenReply {
            detail: String::new(),
        };
        assert_eq!(
            [refused, broken].map(|error| wait(1, &error, MINUTE, 0.5)),
            [None, None]
        );
    }
}
