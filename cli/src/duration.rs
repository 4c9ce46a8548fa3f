use std::time::Duration;

/// Reads a time as people write it on a command line: `5s`, `500ms`, `2m`, `1h`, `7d`; a bare number is seconds. More than
/// nothing, and whole numbers only.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let unit_ms = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 24 * 3_600_000,
        _ => {
            return Err(
                "it is not a whole number with ms, s, m, h or d after it, as in 30s".into(),
            );
        }
    };
    let number: u64 = number
        .parse()
        .map_err(|_| "there is no whole number in front, as in 30s")?;
    match number.checked_mul(unit_ms) {
        Some(0) => Err("it must be more than nothing".into()),
        Some(ms) if ms <= MAX_MS => Ok(Duration::from_millis(ms)),
        _ => Err("it is more than a year".into()),
    }
}

const MAX_MS: u64 = 365 * 24 * 3_600_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_with_a_unit_or_of_seconds() {
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("30"), Ok(Duration::from_secs(30)));
        assert_eq!(parse_duration("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(parse_duration("2m"), Ok(Duration::from_mins(2)));
        assert_eq!(parse_duration("1h"), Ok(Duration::from_hours(1)));
        assert_eq!(parse_duration("7d"), Ok(Duration::from_hours(7 * 24)));
    }

    #[test]
    fn what_is_no_time_is_refused_with_what_one_looks_like() {
        for text in [
            "",
            "s",
            "-5s",
            "1.5s",
            "5 s",
            "5w",
            "366d",
            "0s",
            "99999999999999999999s",
            "18446744073709551615h",
        ] {
            assert!(parse_duration(text).is_err(), "{text:?}");
        }
    }
}
