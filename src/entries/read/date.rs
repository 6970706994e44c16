//! Points in time as feeds write them: RFC 3339, RFC 2822, their usual mistakes, and dates with slashes. Pure; it must not
//! read a clock.

use crate::web::date::days;

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;
/// Years that count. Software writes the year 0, 1 or 10000 when it has no date.
const YEARS: std::ops::RangeInclusive<i64> = 1900..=9999;
/// Maximum bytes of a date.
const LENGTH: usize = 100;
const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Time zones by name, in minutes east of Greenwich. Other names count as UTC.
const ZONES: &[(&str, i64)] = &[
    ("est", -300),
    ("edt", -240),
    ("cst", -360),
    ("cdt", -300),
    ("mst", -420),
    ("mdt", -360),
    ("pst", -480),
    ("pdt", -420),
    ("akst", -540),
    ("akdt", -480),
    ("hst", -600),
    ("ast", -240),
    ("adt", -180),
    ("nst", -210),
    ("ndt", -150),
    ("brt", -180),
    ("bst", 60),
    ("cet", 60),
    ("met", 60),
    ("mez", 60),
    ("west", 60),
    ("cest", 120),
    ("mest", 120),
    ("mesz", 120),
    ("eet", 120),
    ("sast", 120),
    ("eest", 180),
    ("msk", 180),
    ("ist", 330),
    ("hkt", 480),
    ("sgt", 480),
    ("awst", 480),
    ("jst", 540),
    ("kst", 540),
    ("acst", 570),
    ("aest", 600),
    ("acdt", 630),
    ("aedt", 660),
    ("nzst", 720),
    ("nzdt", 780),
];

/// Reads a point in time, in milliseconds since 1970.
pub(super) fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    let text = text[..text.floor_char_boundary(LENGTH)].to_ascii_lowercase();
    let mut parts = Parts::default();
    let rest = if let Some((date, rest)) = iso(&text) {
        parts.date = Some(date);
        rest
    } else {
        &text
    };
    let mut words = rest.split(|letter: char| letter.is_whitespace() || ",()[]".contains(letter));
    words.by_ref().filter(|word| !word.is_empty()).try_for_each(|word| parts.add(word))?;
    parts.finish()
}

/// Parses a date that starts with the year. Returns it, and the rest of the text.
fn iso(text: &str) -> Option<((i64, i64, i64), &str)> {
    let (year, rest) = digits(text)?;
    let year_length = text.len() - rest.len();
    if year_length == 8 && !rest.starts_with(':') {
        let date = (year / 10_000, year / 100 % 100, year % 100);
        return Some((date, time_of(rest)));
    }
    if !(4..=5).contains(&year_length) {
        return None;
    }
    let Some(separator) = rest.chars().next().filter(|letter| "-/.".contains(*letter)) else {
        // A year alone.
        return rest.is_empty().then_some(((year, 1, 1), rest));
    };
    let (month, rest) = digits(&rest[1..])?;
    let Some(after) = rest.strip_prefix(separator) else {
        return Some(((year, month, 1), time_of(rest)));
    };
    let (day, rest) = digits(after)?;
    Some(((year, month, day), time_of(rest)))
}

/// Returns the text after the `T` between date and time.
fn time_of(rest: &str) -> &str {
    match rest.strip_prefix('t') {
        Some(time) if time.starts_with(|letter: char| letter.is_ascii_digit()) => time,
        _ => rest,
    }
}

#[derive(Default)]
struct Parts {
    date: Option<(i64, i64, i64)>,
    day: Option<i64>,
    month: Option<i64>,
    year: Option<i64>,
    /// Milliseconds since midnight.
    time: Option<i64>,
    is_afternoon: Option<bool>,
    /// Minutes east of Greenwich.
    offset: i64,
}

impl Parts {
    /// Adds a word. `None` if it cannot be part of a date.
    fn add(&mut self, word: &str) -> Option<()> {
        if let Some(minutes) = self.time.and_then(|_| offset(word)) {
            self.offset = minutes;
            return Some(());
        }
        let Some((number, rest)) = digits(word) else { return self.add_name(word) };
        if let Some(rest) = rest.strip_prefix(':') {
            return self.add_time(number, rest);
        }
        if let Some(separator) = rest.chars().next().filter(|letter| "/.-".contains(*letter)) {
            return self.add_date(number, &rest[1..], separator);
        }
        let length = word.len() - rest.len();
        match rest {
            "am" | "pm" if self.time.is_none() => {
                self.time = Some(number.checked_mul(3_600_000)?);
                self.is_afternoon = Some(rest == "pm");
            }
            "" | "st" | "nd" | "rd" | "th" if self.day.is_none() && length <= 2 => self.day = Some(number),
            "" if self.year.is_none() && (length == 4 || length == 2) => {
                self.year = Some(full(number, length));
            }
            // A compact time after a date.
            "" | "z" if self.date.is_some() && self.time.is_none() && (length == 6 || length == 4) => {
                let number = if length == 4 { number * 100 } else { number };
                self.time = time(number / 10_000, number / 100 % 100, number % 100);
                self.time?;
            }
            _ => return None,
        }
        Some(())
    }

    fn add_name(&mut self, word: &str) -> Option<()> {
        // Words of other alphabets are names of days.
        let Some(start) = word.get(..3).filter(|_| word.is_ascii()) else {
            match word {
                "am" | "pm" => self.is_afternoon = Some(word == "pm"),
                _ => {}
            }
            return Some(());
        };
        let month = MONTHS.iter().position(|month| *month == start);
        if let Some(month) = month.filter(|_| self.month.is_none() && self.date.is_none()) {
            self.month = Some(i64::try_from(month).ok()? + 1);
            return Some(());
        }
        if let Some((_, minutes)) = ZONES.iter().find(|(name, _)| *name == word) {
            self.offset = *minutes;
        } else if let Some(minutes) = ["gmt", "utc"].iter().find_map(|name| offset(word.strip_prefix(name)?))
        {
            self.offset = minutes;
        }
        Some(())
    }

    /// Parses a time after its hour, with text that may follow without a space.
    fn add_time(&mut self, hour: i64, rest: &str) -> Option<()> {
        let (minute, rest) = digits(rest)?;
        let (second, rest) = match rest.strip_prefix(':') {
            Some(rest) => digits(rest)?,
            None => (0, rest),
        };
        let mut milliseconds = 0;
        let mut rest = rest;
        if let Some(fraction) = rest.strip_prefix(['.', ',']) {
            let end = fraction.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(fraction.len());
            let first = format!("{:0<3}", &fraction[..end.min(3)]);
            milliseconds = first.parse().ok()?;
            rest = &fraction[end..];
        }
        self.time = Some(time(hour, minute, second)? + milliseconds);
        match rest {
            "" | "z" => {}
            "am" | "pm" => self.is_afternoon = Some(rest == "pm"),
            _ => match offset(rest) {
                Some(minutes) => self.offset = minutes,
                None => self.add_name(rest)?,
            },
        }
        Some(())
    }

    /// Parses a date with separators that does not start with the year.
    fn add_date(&mut self, first: i64, rest: &str, separator: char) -> Option<()> {
        let (second, year) = rest.split_once(separator)?;
        let (number, after) = digits(year)?;
        let year = full(number, year.len() - after.len());
        if let Some(month) = second.get(..3).and_then(|start| MONTHS.iter().position(|month| *month == start))
        {
            self.date = Some((year, i64::try_from(month).ok()? + 1, first));
        } else {
            let second = digits(second).filter(|(_, rest)| rest.is_empty())?.0;
            // With slashes the month is first, unless that is none.
            let is_month_first = separator == '/' && first <= 12 || second > 12;
            let (month, day) = if is_month_first { (first, second) } else { (second, first) };
            self.date = Some((year, month, day));
        }
        match after.strip_prefix('t').or_else(|| after.strip_prefix('-')).unwrap_or(after) {
            "" => Some(()),
            time => self.add(time),
        }
    }

    fn finish(self) -> Option<i64> {
        let (year, month, day) = match self.date {
            Some(date) => date,
            None => (self.year?, self.month?, self.day?),
        };
        let mut time = self.time.unwrap_or(0);
        match self.is_afternoon {
            Some(true) if time < DAY / 2 => time += DAY / 2,
            Some(false) if (DAY / 2..DAY / 2 + 3_600_000).contains(&time) => time -= DAY / 2,
            _ => {}
        }
        let days = YEARS.contains(&year).then(|| days(year, month, day))??;
        Some(days * DAY + time - self.offset * 60_000)
    }
}

/// Returns a number at the beginning, of at most 8 digits.
fn digits(text: &str) -> Option<(i64, &str)> {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    (1..=8).contains(&end).then(|| text[..end].parse().ok().map(|number| (number, &text[end..])))?
}

/// A year of two digits counts as in RFC 2822.
fn full(year: i64, digits: usize) -> i64 {
    match year {
        0..50 if digits <= 2 => year + 2000,
        50..100 if digits <= 2 => year + 1900,
        _ => year,
    }
}

fn time(hour: i64, minute: i64, second: i64) -> Option<i64> {
    // 24:00 is midnight at the end of the day; 60 is a leap second.
    let is_time = hour <= 24 && minute <= 59 && second <= 60;
    is_time.then(|| ((hour * 60 + minute) * 60 + second.min(59)) * 1000)
}

/// Returns the minutes of an offset such as `+0100` or `-5:30`.
fn offset(text: &str) -> Option<i64> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let (first, after) = digits(rest)?;
    let minutes = match (rest.len() - after.len(), after.strip_prefix(':')) {
        (1 | 2, None) if after.is_empty() => first * 60,
        (1 | 2, Some(minutes)) => first * 60 + digits(minutes)?.0,
        (3 | 4, None) if after.is_empty() => first / 100 * 60 + first % 100,
        _ => return None,
    };
    (minutes <= 24 * 60).then_some(sign * minutes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::web::date::write;

    #[test]
    fn dates_are_read_as_feeds_write_them() {
        for (text, expected) in [
            // RFC 3339, and nearly.
            ("2026-11-30T03:04:05Z", "2026-11-30T03:04:05Z"),
            ("2026-11-30t03:04:05.5z", "2026-11-30T03:04:05.500Z"),
            ("2026-11-30 03:04:05.1234567 +05:30", "2026-11-29T21:34:05.123Z"),
            ("2026-11-30T03:04:05+0100", "2026-11-30T02:04:05Z"),
            ("2026-11-30T03:04-05", "2026-11-30T08:04:00Z"),
            ("2026-11-30T03:04:05", "2026-11-30T03:04:05Z"),
            ("2026-11-30T24:00:00Z", "2026-12-01T00:00:00Z"),
            ("2026-11-30 03:04:05 UTC", "2026-11-30T03:04:05Z"),
            ("2026-11-30", "2026-11-30T00:00:00Z"),
            ("2026-11", "2026-11-01T00:00:00Z"),
            ("2026", "2026-01-01T00:00:00Z"),
            ("2026/11/30 3:04", "2026-11-30T03:04:00Z"),
            ("20261130T030405Z", "2026-11-30T03:04:05Z"),
            ("20261130", "2026-11-30T00:00:00Z"),
            ("2026-1-3T3:4:5Z", "2026-01-03T03:04:05Z"),
            (" 2016-12-31T23:59:60Z\n", "2016-12-31T23:59:59Z"),
            ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
            ("2999-01-01T00:00:00Z", "2999-01-01T00:00:00Z"),
            // RFC 2822, and nearly.
            ("Mon, 30 Nov 2026 03:04:05 GMT", "2026-11-30T03:04:05Z"),
            ("Mon, 30 Nov 2026 03:04:05 -0500", "2026-11-30T08:04:05Z"),
            ("30 Nov 26 03:04 EST", "2026-11-30T08:04:00Z"),
            ("30 Nov 99 03:04 PDT", "1999-11-30T10:04:00Z"),
            ("Wed, 30 Nov 2026 3:04:05 CEST", "2026-11-30T01:04:05Z"),
            ("Monday, 30th November 2026 03:04:05 UTC", "2026-11-30T03:04:05Z"),
            ("Thurs,30 Sept 2026 03:04:05 UT", "2026-09-30T03:04:05Z"),
            ("Mon, Nov 30 2026 03:04:05 GMT+0100", "2026-11-30T02:04:05Z"),
            ("November 30, 2026 3:04 PM", "2026-11-30T15:04:00Z"),
            ("Mon Nov 30 03:04:05 2026", "2026-11-30T03:04:05Z"),
            ("Mon Nov 30 03:04:05 PST 2026", "2026-11-30T11:04:05Z"),
            ("пн, 30 Nov 2026 03:04:05 +0300", "2026-11-30T00:04:05Z"),
            ("30-Nov-2026 03:04:05 Nonsense", "2026-11-30T03:04:05Z"),
            ("Mon, 30 Nov 2026", "2026-11-30T00:00:00Z"),
            // The month is first with slashes.
            ("11/30/2026", "2026-11-30T00:00:00Z"),
            ("11/05/2026 03:04:05", "2026-11-05T03:04:05Z"),
            ("11/30/2026 12:04 AM", "2026-11-30T00:04:00Z"),
            ("11/30/26 12:04:05 pm EST", "2026-11-30T17:04:05Z"),
            ("30/11/2026 3:04pm", "2026-11-30T15:04:00Z"),
            ("30.11.2026 03:04", "2026-11-30T03:04:00Z"),
            ("30.11.2026, 03:04 MEZ", "2026-11-30T02:04:00Z"),
            ("5.11.2026", "2026-11-05T00:00:00Z"),
        ] {
            assert_eq!(parse(text).map(write).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "yesterday",
            "0000-00-00T00:00:00Z",
            "0000-01-01",
            "0001-01-01T00:00:00Z",
            "10000-01-01T00:00:00Z",
            "Mon, 01 Jan 0000 00:00:00 GMT",
            "2026-13-01",
            "2026-02-30",
            "1900-02-29",
            "2026-11-30T25:00:00Z",
            "2026-11-30T03:61:00Z",
            "30 Nov",
            "12:04",
            "99999999999999999999",
            "２０２６-11-30",
            "11/2026",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_none_or_a_date_that_is_read_again(
            text in "([0-9]{1,5}|[-+:/. ,tz]|[a-zé]{1,4}|Nov|GMT){0,12}"
        ) {
            if let Some(time) = parse(&text) {
                let written = write(time);
                // Offsets may leave the years that count.
                if !written.starts_with("1899") && !written.starts_with("10000") {
                    prop_assert_eq!(parse(&written), Some(time));
                }
            }
        }
    }
}
