//! Timestamp text to milliseconds since 1970 in UTC.
//!
//! In: the text of a string or number. Out: an instant, and whether the text was in the usual form, so that a caller
//! can keep any other spelling. Never: guesses a time zone other than UTC or bends a date that does not exist.

use super::decimal;

const MS_PER_SECOND: i64 = 1_000;
const MS_PER_DAY: i64 = 86_400 * MS_PER_SECOND;

/// An instant read from text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instant {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub(crate) epoch_ms: i64,
    /// Whether the text was `YYYY-MM-DDTHH:MM:SSZ`, which the instant gives back.
    pub(crate) is_canonical: bool,
}

/// Reads ISO 8601 as CloudTrail and its copies write it: extended or basic form, with or without a
/// fraction, a zone or a `T`; no zone means UTC.
pub(crate) fn parse_iso(text: &str) -> Option<Instant> {
    let bytes = text.as_bytes();
    if let Some(epoch_ms) = parse_canonical(bytes) {
        return Some(Instant { epoch_ms, is_canonical: true });
    }
    let mut reader = TimestampParser { rest: bytes };
    let year = reader.digits(4)?;
    let is_extended = reader.skip(b"-");
    let month = reader.digits(2)?;
    if is_extended && !reader.skip(b"-") {
        return None;
    }
    let day = reader.digits(2)?;
    if !reader.skip_any(b"Tt ") {
        return None;
    }
    let hour = reader.digits(2)?;
    if is_extended && !reader.skip(b":") {
        return None;
    }
    let minute = reader.digits(2)?;
    if is_extended && !reader.skip(b":") {
        return None;
    }
    let second = reader.digits(2)?;
    let fraction_ms = if reader.skip(b".") { reader.fraction_ms()? } else { 0 };
    let offset_ms = reader.zone_offset_ms()?;
    reader.at_end()?;
    let epoch_ms = instant(year, month, day, hour, minute, second)? + fraction_ms - offset_ms;
    if !YEARS_ENGINES_READ.contains(&i128::from(epoch_ms)) {
        return None;
    }
    Some(Instant { epoch_ms, is_canonical: false })
}

/// `YYYY-MM-DDTHH:MM:SSZ`, nearly every timestamp of an archive.
fn parse_canonical(bytes: &[u8]) -> Option<i64> {
    let bytes: &[u8; 20] = bytes.try_into().ok()?;
    let [_, _, _, _, b'-', _, _, b'-', _, _, b'T', _, _, b':', _, _, b':', _, _, b'Z'] = bytes else {
        return None;
    };
    let pair = |at: usize| {
        let (tens, ones) = (bytes[at].wrapping_sub(b'0'), bytes[at + 1].wrapping_sub(b'0'));
        (tens < 10 && ones < 10).then(|| i64::from(tens * 10 + ones))
    };
    instant(pair(0)? * 100 + pair(2)?, pair(5)?, pair(8)?, pair(11)?, pair(14)?, pair(17)?)
}

/// Reads the timestamp of a usage record in any form that trails have had: Java's `Apr 19, 2018 4:32:50 PM` and its later
/// spellings, ISO, epoch seconds or milliseconds.
pub(crate) fn parse_usage(text: &str) -> Option<i64> {
    parse_java(text.as_bytes())
        .or_else(|| parse_iso(text).map(|instant| instant.epoch_ms))
        .or_else(|| parse_epoch(text))
}

/// Java's `DateFormat` MEDIUM in the US locale: a comma after the year since JDK 9, U+202F before AM or PM since JDK 20.
/// Without its AM or PM an hour could be either.
fn parse_java(bytes: &[u8]) -> Option<i64> {
    let mut reader = TimestampParser { rest: bytes };
    let month = reader.month()?;
    reader.space()?;
    let day = reader.one_or_two_digits()?;
    if !reader.skip(b",") {
        return None;
    }
    reader.space()?;
    let year = reader.digits(4)?;
    reader.skip(b",");
    reader.space()?;
    let hour = reader.one_or_two_digits()?;
    if !reader.skip(b":") {
        return None;
    }
    let minute = reader.digits(2)?;
    if !reader.skip(b":") {
        return None;
    }
    let second = reader.digits(2)?;
    reader.space()?;
    let half = match reader.rest {
        b"AM" | b"am" => 0,
        b"PM" | b"pm" => 12,
        _ => return None,
    };
    if !(1..=12).contains(&hour) {
        return None;
    }
    instant(year, month, day, hour % 12 + half, minute, second)
}

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// The years 0 to 9999, in milliseconds since 1970: beyond them no engine reads a timestamp.
const YEARS_ENGINES_READ: std::ops::RangeInclusive<i128> = -62_167_219_200_000..=253_402_300_799_999;

/// Epoch seconds, or milliseconds from 1e11 on: as seconds that would be the year 5138, as milliseconds it is 1973.
fn parse_epoch(text: &str) -> Option<i64> {
    const FIRST_MS: i128 = 100_000_000_000;
    const NANOS: i128 = 1_000_000_000;
    let (nanos, is_exact) = decimal::parse_scaled(text, 9)?;
    let nanos_per_ms = if nanos.abs() >= FIRST_MS * NANOS { NANOS } else { 1_000_000 };
    // What was cut off before 1970 makes it earlier, but no number of milliseconds out of one of seconds.
    let floor = nanos - i128::from(!is_exact && text.starts_with('-'));
    let epoch_ms = floor.div_euclid(nanos_per_ms);
    YEARS_ENGINES_READ.contains(&epoch_ms).then(|| i64::try_from(epoch_ms).ok())?
}

/// The instant of a calendar date and time, `None` when there is none.
fn instant(year: i64, month: i64, day: i64, hour: i64, minute: i64, second: i64) -> Option<i64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in_month = match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=days_in_month).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = hour * 3_600 + minute * 60 + second;
    Some(days_from_civil(year, month, day) * MS_PER_DAY + seconds * MS_PER_SECOND)
}

/// Days since 1970-01-01, counting years from March so that the leap day comes last.
pub(crate) const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The day an instant falls on, in days since 1970-01-01.
pub(crate) const fn epoch_day(epoch_ms: i64) -> i64 {
    epoch_ms.div_euclid(MS_PER_DAY)
}

/// Year, month and day of a day since 1970-01-01.
pub(crate) const fn civil_from_days(epoch_day: i64) -> (i64, i64, i64) {
    let shifted = epoch_day + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

/// Takes a timestamp apart from the left.
struct TimestampParser<'a> {
    rest: &'a [u8],
}

impl TimestampParser<'_> {
    fn digits(&mut self, count: usize) -> Option<i64> {
        let (digits, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        digits.iter().try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))
    }

    fn one_or_two_digits(&mut self) -> Option<i64> {
        let count = if self.rest.get(1).is_some_and(u8::is_ascii_digit) { 2 } else { 1 };
        self.digits(count)
    }

    /// Three letters, or `Sept` as some locales have it.
    fn month(&mut self) -> Option<i64> {
        if self.skip(b"Sept") {
            return Some(9);
        }
        let (name, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        (1..).zip(MONTHS).find(|(_, month)| *month == name).map(|(number, _)| number)
    }

    /// A space, a no-break space or a narrow one.
    fn space(&mut self) -> Option<()> {
        (self.skip(b" ") || self.skip("\u{202f}".as_bytes()) || self.skip("\u{a0}".as_bytes())).then_some(())
    }

    fn skip(&mut self, wanted: &[u8]) -> bool {
        self.rest.strip_prefix(wanted).is_some_and(|rest| {
            self.rest = rest;
            true
        })
    }

    fn skip_any(&mut self, wanted: &[u8]) -> bool {
        let found = self.rest.first().is_some_and(|byte| wanted.contains(byte));
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }

    /// One to nine digits after the point, cut to milliseconds.
    fn fraction_ms(&mut self) -> Option<i64> {
        let count = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=9).contains(&count) {
            return None;
        }
        let kept = count.min(3);
        let value = self.digits(kept)?;
        self.digits(count - kept)?;
        Some(value * [0, 100, 10, 1][kept])
    }

    /// `Z`, `+HH:MM`, `+HHMM`, or nothing, which means UTC.
    fn zone_offset_ms(&mut self) -> Option<i64> {
        if self.rest.is_empty() || self.skip_any(b"Zz") {
            return Some(0);
        }
        let sign = match self.rest.first()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        self.rest = &self.rest[1..];
        let hours = self.digits(2)?;
        self.skip(b":");
        let minutes = self.digits(2)?;
        (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3_600 + minutes * 60) * MS_PER_SECOND)
    }

    fn at_end(&self) -> Option<()> {
        self.rest.is_empty().then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AFTERNOON: i64 = 1_524_155_570_000; // 2018-04-19T16:32:50Z

    #[track_caller]
    fn check_iso(text: &str, expected: Option<(i64, bool)>) {
        assert_eq!(parse_iso(text).map(|found| (found.epoch_ms, found.is_canonical)), expected, "{text}");
    }

    #[test]
    fn iso_forms() {
        check_iso("2018-04-19T16:32:50Z", Some((AFTERNOON, true)));
        check_iso("2018-04-19T16:32:50z", Some((AFTERNOON, false)));
        check_iso("2018-04-19 16:32:50", Some((AFTERNOON, false)));
        check_iso("20180419T163250Z", Some((AFTERNOON, false)));
        check_iso("2018-04-19T18:32:50+02:00", Some((AFTERNOON, false)));
        check_iso("2018-04-19T11:02:50-0530", Some((AFTERNOON, false)));
        check_iso("2018-04-19T16:32:50.1Z", Some((AFTERNOON + 100, false)));
        check_iso("2018-04-19T16:32:50.123999999Z", Some((AFTERNOON + 123, false)));
        check_iso("0000-03-01T00:00:00Z", Some((-62_162_035_200_000, true)));
        check_iso("2024-02-29T00:00:00Z", Some((1_709_164_800_000, true)));
    }

    #[test]
    fn times_that_do_not_exist_are_refused() {
        for text in [
            "2023-02-29T00:00:00Z",
            "2023-13-01T00:00:00Z",
            "2023-00-01T00:00:00Z",
            "2023-01-32T00:00:00Z",
            "2023-01-01T24:00:00Z",
            "2023-01-01T00:60:00Z",
            "2016-12-31T23:59:60Z",
            "2023-01-01",
            "2023-01-01T00:00:00.Z",
            "2023-01-01T00:00:00.1234567890Z",
            "2023-01-01T00:00:00+1",
            "2023-0101T000000Z",
            "２023-01-01T00:00:00Z",
            "",
        ] {
            check_iso(text, None);
        }
    }

    #[track_caller]
    fn check_usage(text: &str, expected: Option<i64>) {
        assert_eq!(parse_usage(text), expected, "{text}");
    }

    #[test]
    fn usage_forms_of_every_java_release() {
        check_usage("Apr 19, 2018 4:32:50 PM", Some(AFTERNOON));
        check_usage("Apr 19, 2018, 4:32:50 PM", Some(AFTERNOON));
        check_usage("Apr 19, 2018, 4:32:50\u{202f}PM", Some(AFTERNOON));
        check_usage("Apr 19, 2018 4:32:50\u{a0}pm", Some(AFTERNOON));
        check_usage("Sept 1, 2020 12:00:00 AM", Some(1_598_918_400_000));
        check_usage("Sep 1, 2020 12:00:00 PM", Some(1_598_961_600_000));
        check_usage("2018-04-19T16:32:50Z", Some(AFTERNOON));
        check_usage("Foo 19, 2018 4:32:50 PM", None);
        check_usage("Apr 31, 2018 4:32:50 PM", None);
        check_usage("Apr 19, 2018 13:32:50 PM", None);
        check_usage("Apr 19, 18 4:32:50 PM", None);
    }

    #[test]
    fn half_a_java_form_is_none() {
        for text in [
            "Apr 19, 2018 4:32:50",
            "Apr 19, 2018 16:32:50",
            "Apr 19 2018 4:32:50 PM",
            "Apr 19, 2018  4:32:50 PM",
            "Apr 19, 2018 4:32:50PM",
            "Apr 19, 2018 4:2:50 PM",
            "Apr. 19, 2018 4:32:50 PM",
            "APR 19, 2018 4:32:50 PM",
            "Apr 19, 2018 4:32:50 Pm",
            "Apr 19, 2018 4:32:50 PM ",
        ] {
            check_usage(text, None);
        }
    }

    #[test]
    fn epoch_seconds_and_milliseconds() {
        check_usage("1752300000", Some(1_752_300_000_000));
        check_usage("1752300000.5", Some(1_752_300_000_500));
        check_usage("1.7523E9", Some(1_752_300_000_000));
        check_usage("1752300000000", Some(1_752_300_000_000));
        check_usage("99999999999", Some(99_999_999_999_000));
        check_usage("-1.0005", Some(-1_001));
        check_usage("-99999999999", None);
        check_usage("-99999999999.9999999999", None);
        check_usage("-100000000000", Some(-100_000_000_000));
        check_usage("1e400", None);
        check_usage("", None);
    }

    #[test]
    fn days_and_dates_agree() {
        for day in (-719_528..2_932_896).step_by(37) {
            let (year, month, date) = civil_from_days(day);
            assert_eq!(days_from_civil(year, month, date), day);
        }
        assert_eq!(civil_from_days(0), (1970, 1, 1));
    }
}
