//! Points in time as milliseconds since 1970, and their spelling in feeds (RFC 3339).
//!
//! Pure; it must not read a clock.

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;
/// The first millisecond of the year 1, and of the year 10,000: RFC 3339 has years of four digits.
const YEARS: std::ops::Range<i64> = -62_135_596_800_000..253_402_300_800_000;
/// Numbers from this one on are milliseconds since 1970, below it seconds.
const MILLISECONDS: f64 = 1e11;

/// Reads a date and time of RFC 3339, or a date alone, which is midnight UTC.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    let bytes = text.as_bytes();
    let day = days(number(bytes, 0, 4)?, part(bytes, 4, b"-", 1..=12)?, part(bytes, 7, b"-", 1..=31)?)?;
    if bytes.len() == 10 {
        return bounded(day * DAY);
    }
    let hour = part(bytes, 10, b"Tt ", 0..=23)?;
    let minute = part(bytes, 13, b":", 0..=59)?;
    // 60 is a leap second.
    let second = part(bytes, 16, b":", 0..=60)?.min(59);
    let mut at = 19;
    let mut fraction = 0;
    if bytes.get(at) == Some(&b'.') {
        let digits = bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let first: i64 = text.get(at + 1..at + 1 + digits.min(3))?.parse().ok()?;
        fraction = first * [100, 10, 1][digits.min(3).checked_sub(1)?];
        at += 1 + digits;
    }
    let offset = match bytes.get(at)? {
        b'Z' | b'z' if bytes.len() == at + 1 => 0,
        sign @ (b'+' | b'-') if bytes.len() == at + 6 => {
            let minutes = part(bytes, at, b"+-", 0..=23)? * 60 + part(bytes, at + 3, b":", 0..=59)?;
            if *sign == b'-' { -minutes } else { minutes }
        }
        _ => return None,
    };
    bounded(day * DAY + ((hour * 60 + minute - offset) * 60 + second) * 1000 + fraction)
}

/// Reads a number of seconds or milliseconds since 1970.
pub(crate) fn of_number(number: f64) -> Option<i64> {
    let milliseconds = if number.abs() < MILLISECONDS { number * 1000.0 } else { number };
    // A float beyond the range becomes the nearest integer, which is out of bounds too.
    #[allow(clippy::cast_possible_truncation, reason = "see above")]
    bounded(milliseconds as i64).filter(|_| number.is_finite())
}

/// Formats a time in UTC, such as `2026-11-30T03:00:00Z`; with milliseconds unless they are zero.
pub(crate) fn write(time: i64) -> String {
    let time = write_milliseconds(time);
    match time.strip_suffix(".000Z") {
        Some(whole) => format!("{whole}Z"),
        None => time,
    }
}

/// Formats a time as RFC 3339 in UTC, always with milliseconds: such texts sort like the times.
pub(crate) fn write_milliseconds(time: i64) -> String {
    let time = time.clamp(YEARS.start, YEARS.end - 1);
    let (day, rest) = (time.div_euclid(DAY), time.rem_euclid(DAY));
    let (year, month, date) = civil(day);
    let (seconds, milliseconds) = (rest / 1000, rest % 1000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}.{milliseconds:03}Z")
}

fn bounded(time: i64) -> Option<i64> {
    YEARS.contains(&time).then_some(time)
}

/// Parses a number of two digits after one of several separators.
fn part(bytes: &[u8], at: usize, separators: &[u8], range: std::ops::RangeInclusive<i64>) -> Option<i64> {
    separators.contains(bytes.get(at)?).then_some(())?;
    number(bytes, at + 1, 2).filter(|number| range.contains(number))
}

fn number(bytes: &[u8], at: usize, digits: usize) -> Option<i64> {
    let digits = bytes.get(at..at + digits)?;
    digits
        .iter()
        .try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0')))
}

/// Returns the days since 1970 of a Gregorian date; `None` if the month has no such day.
pub(crate) fn days(year: i64, month: i64, date: i64) -> Option<i64> {
    // The year starts in March here, so that the leap day is the last day.
    let shifted = if month > 2 { year } else { year - 1 };
    let (era, of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + date - 1;
    let day = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    (civil(day) == (year, month, date)).then_some(day)
}

/// Year, month and day of a number of days since 1970.
fn civil(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468;
    let (era, of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month, of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_and_written_again_in_utc() {
        for (text, written) in [
            ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
            ("2026-11-30T03:04:05Z", "2026-11-30T03:04:05Z"),
            ("2026-11-30t03:04:05.5z", "2026-11-30T03:04:05.500Z"),
            ("2026-11-30 03:04:05.1234567Z", "2026-11-30T03:04:05.123Z"),
            ("2026-11-30T03:04:05+05:30", "2026-11-29T21:34:05Z"),
            ("2026-12-31T23:30:00-01:00", "2027-01-01T00:30:00Z"),
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z"),
            ("2024-02-29", "2024-02-29T00:00:00Z"),
            ("2000-02-29T00:00:00Z", "2000-02-29T00:00:00Z"),
            (" 1969-12-31T23:59:59.999Z ", "1969-12-31T23:59:59.999Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
            ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(parse(text).map(write).as_deref(), Some(written), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "yesterday",
            "2026",
            "2026-13-01",
            "2026-00-01",
            "2026-02-30",
            "1900-02-29",
            "2026-11-31",
            "2026-11-30T24:00:00Z",
            "2026-11-30T03:60:00Z",
            "2026-11-30T03:04Z",
            "2026-11-30T03:04:05",
            "2026-11-30T03:04:05.Z",
            "2026-11-30T03:04:05Zx",
            "2026-11-30T03:04:05+5:30",
            "2026-11-30T03:04:05+0530",
            "2026-11-30T03:04:05+24:00",
            "+026-11-30T03:04:05Z",
            "0000-01-01T00:00:00Z",
            "9999-12-31T23:59:59-01:00",
            "Mon, 30 Nov 2026 03:04:05 GMT",
            "２０２６-11-30",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_day_of_eight_centuries_is_read_as_it_was_written() {
        for day in -150_000..150_000 {
            assert_eq!(parse(&write(day * DAY)), Some(day * DAY));
        }
    }

    #[test]
    fn numbers_are_seconds_or_milliseconds() {
        assert_eq!(of_number(1_764_471_845.0), Some(1_764_471_845_000));
        assert_eq!(of_number(1_764_471_845_123.0), Some(1_764_471_845_123));
        assert_eq!(of_number(-1.5), Some(-1500));
        for beyond in [f64::NAN, f64::INFINITY, 1e300, -1e300] {
            assert_eq!(of_number(beyond), None, "{beyond}");
        }
    }
}
