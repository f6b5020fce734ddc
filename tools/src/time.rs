//! Points in time, as users write them and as they are printed.
//!
//! All times are microseconds since 1970, UTC. Accepted: RFC 3339 (`2026-11-22T06:44:25.5Z`), a date or a date
//! with time and no offset (UTC), a time ago (`-15m`, `-1h30m`, units `ms s m h d w mo y`), and `@` with seconds
//! since 1970 (`@1795330000`, `@1795330000.25`).

use jiff::civil;
use jiff::{Span, Timestamp, tz::TimeZone};

/// Microseconds in a second.
pub const SECOND_MICROS: u64 = 1_000_000;

/// Parses a point in time. A time ago counts back from `now_micros`.
pub fn parse(text: &str, now_micros: u64) -> Result<u64, String> {
    if let Some(seconds) = text.strip_prefix('@') {
        return parse_epoch(seconds).ok_or_else(|| format!("{text:?} is not seconds since 1970"));
    }
    if text.starts_with('-') {
        return parse_ago(text, now_micros).ok_or_else(|| {
            format!("{text:?} is not a time ago, such as -15m or -1h30m (units ms s m h d w mo y)")
        });
    }
    parse_calendar(text)
        .ok_or_else(|| format!("{text:?} is not a time: expected RFC 3339, a time ago (-15m) or @seconds"))
}

/// The current time.
pub fn now_micros() -> u64 {
    u64::try_from(Timestamp::now().as_microsecond()).unwrap_or(0)
}

/// RFC 3339 with microseconds; `@` and seconds beyond the year 9999.
pub fn show(micros: u64) -> String {
    let stamp = i64::try_from(micros).ok().and_then(|micros| Timestamp::from_microsecond(micros).ok());
    match stamp {
        Some(stamp) => format!("{stamp:.6}"),
        None => format!("@{}.{:06}", micros / SECOND_MICROS, micros % SECOND_MICROS),
    }
}

/// The same with milliseconds.
pub fn show_ms(ms: u64) -> String {
    match i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()) {
        Some(stamp) => format!("{stamp:.3}"),
        None => format!("@{}.{:03}", ms / 1000, ms % 1000),
    }
}

/// A duration in its largest unit, or its two largest: `14d`, `1h 30m`, `412 us`.
pub fn show_span(micros: u64) -> String {
    const UNITS: [(u64, &str); 6] = [
        (24 * 3600 * SECOND_MICROS, "d"),
        (3600 * SECOND_MICROS, "h"),
        (60 * SECOND_MICROS, "m"),
        (SECOND_MICROS, "s"),
        (1000, " ms"),
        (1, " us"),
    ];
    let Some(at) = UNITS.iter().position(|&(unit, _)| micros >= unit) else { return "0 us".into() };
    let (unit, name) = UNITS[at];
    let first = format!("{}{name}", micros / unit);
    match UNITS.get(at + 1) {
        Some(&(smaller, next)) if at < 3 && micros % unit / smaller > 0 => {
            format!("{first} {}{next}", micros % unit / smaller)
        }
        _ => first,
    }
}

fn parse_epoch(text: &str) -> Option<u64> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(seconds) || !digits(fraction) || fraction.len() > 6 {
        return None;
    }
    let micros: u64 = format!("{fraction:0<6}").parse().ok()?;
    seconds.parse::<u64>().ok()?.checked_mul(SECOND_MICROS)?.checked_add(micros)
}

/// Parses a time ago, such as `-15m`. Times before 1970 become 1970.
fn parse_ago(text: &str, now_micros: u64) -> Option<u64> {
    let span: Span = text.parse().ok()?;
    let now = Timestamp::from_microsecond(i64::try_from(now_micros).ok()?).ok()?;
    let then = now.to_zoned(TimeZone::UTC).checked_add(span);
    Some(then.ok().and_then(|then| u64::try_from(then.timestamp().as_microsecond()).ok()).unwrap_or(0))
}

fn parse_calendar(text: &str) -> Option<u64> {
    let stamp = text.parse::<Timestamp>().ok().or_else(|| {
        let civil: civil::DateTime = text.parse().ok()?;
        civil.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    })?;
    u64::try_from(stamp.as_microsecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_795_330_000 * SECOND_MICROS;

    #[test]
    fn all_spellings_of_a_time_are_read() {
        let minute = 60 * SECOND_MICROS;
        for (text, expected) in [
            ("@1795330000", NOW),
            ("@1795330000.25", NOW + 250_000),
            ("-15m", NOW - 15 * minute),
            ("-1h30m", NOW - 90 * minute),
            ("-2w", NOW - 14 * 24 * 60 * minute),
            ("-1d 12h", NOW - 36 * 60 * minute),
            ("-1y", NOW - 365 * 24 * 60 * minute),
            ("-100000w", 0),
            ("-9999y", 0),
            ("-500ms", NOW - 500_000),
            ("2026-11-22T06:44:25.758123Z", 1_795_329_865_758_123),
            ("2026-11-22T07:44:25.758123+01:00", 1_795_329_865_758_123),
            ("2026-11-22T06:44:25", 1_795_329_865_000_000),
            ("2026-11-22", 1_795_305_600_000_000),
        ] {
            assert_eq!(parse(text, NOW), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_time_is_refused() {
        let refused = [
            "",
            "-",
            "-5",
            "-5q",
            "-1h ago",
            "--1h",
            "-m",
            "@",
            "@-1",
            "@1.2.3",
            "@99999999999999999999",
            "today",
            "-99999999999w",
        ];
        for text in refused {
            assert!(parse(text, NOW).is_err(), "{text}");
        }
    }

    #[test]
    fn times_print_in_one_form_whatever_they_are() {
        assert_eq!(show(1_795_329_865_758_123), "2026-11-22T06:44:25.758123Z");
        assert_eq!(show(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(show(u64::MAX), "@18446744073709.551615");
        assert_eq!(show_ms(u64::MAX), "@18446744073709551.615");
    }

    #[test]
    fn spans_show_their_largest_units() {
        let span = |seconds: u64| show_span(seconds * SECOND_MICROS);
        assert_eq!(span(14 * 86_400), "14d");
        assert_eq!(span(5400), "1h 30m");
        assert_eq!(span(59), "59s");
        assert_eq!(show_span(412), "412 us");
        assert_eq!(show_span(1500), "1 ms");
        assert_eq!(show_span(0), "0 us");
    }
}
