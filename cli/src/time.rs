use chrono::{DateTime, Utc};

/// A moment as people read it: UTC, to the second.
pub(crate) fn shown_time(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// A length of time as people read it, in its two largest units.
pub(crate) fn shown_duration(ms: u64) -> String {
    let seconds = ms / 1_000;
    match seconds {
        0 => format!("{ms}ms"),
        1..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m {}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h {}m", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_and_a_duration_are_short() {
        let time = "2026-01-02T03:04:05.123456+00:00".parse().unwrap();
        assert_eq!(shown_time(time), "2026-01-02 03:04:05Z");
        let shown = [0, 999, 61_000, 3_600_000, 90_000_000].map(shown_duration);
        assert_eq!(shown, ["0ms", "999ms", "1m 1s", "1h 0m", "1d 1h"]);
    }
}
