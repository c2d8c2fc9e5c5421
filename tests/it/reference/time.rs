//! Instants in every form CloudTrail and the metering service have used, with a calendar that counts day by day.

use super::number::Number;

const MS_PER_DAY: i64 = 86_400_000;
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// An instant read from an event's own timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instant {
    pub ms: i64,
    /// Whether the text was `YYYY-MM-DDTHH:MM:SSZ`, so that nothing is lost when the column alone is kept.
    pub canonical: bool,
}

/// Reads timestamps such as `eventTime`: ISO 8601, extended or basic, with all variations seen so far.
pub fn iso(text: &str) -> Option<Instant> {
    let mut cursor = Cursor(text);
    let year = cursor.digits(4)?;
    let extended = cursor.eat("-");
    let month = cursor.digits(2)?;
    if extended && !cursor.eat("-") {
        return None;
    }
    let day = cursor.digits(2)?;
    if !cursor.eat("T") && !cursor.eat("t") && !cursor.eat(" ") {
        return None;
    }
    let hour = cursor.digits(2)?;
    if extended && !cursor.eat(":") {
        return None;
    }
    let minute = cursor.digits(2)?;
    if extended && !cursor.eat(":") {
        return None;
    }
    let second = cursor.digits(2)?;
    let mut ms = 0;
    if cursor.eat(".") {
        let fraction = cursor.run_of_digits();
        if fraction.is_empty() || fraction.len() > 9 {
            return None;
        }
        // Truncated: the digits after the third are dropped.
        ms = format!("{fraction}00")[..3].parse().expect("three digits");
    }
    let offset_minutes = cursor.zone()?;
    if !cursor.0.is_empty() {
        return None;
    }
    let local = instant(year, month, day, hour, minute, second)?;
    let utc = in_calendar(local + ms - offset_minutes * 60_000)?;
    Some(Instant { ms: utc, canonical: is_canonical(text) })
}

/// Reads the timestamp of a usage record as far as it is a string: Java's text form, ISO 8601, or epoch digits.
pub fn usage_text(text: &str) -> Option<i64> {
    java(text).or_else(|| iso(text).map(|instant| instant.ms)).or_else(|| epoch(text))
}

/// Reads the timestamp of a usage record as a number: seconds or milliseconds.
pub fn epoch(text: &str) -> Option<i64> {
    in_calendar(Number::parse(text)?.epoch_ms()?)
}

/// `Apr 19, 2018 4:32:50 PM` (UTC), with the comma after the year and the special spaces of newer Java versions.
fn java(text: &str) -> Option<i64> {
    let mut cursor = Cursor(text);
    let month = cursor.month()?;
    cursor.space()?;
    let day = cursor.one_or_two_digits()?;
    cursor.eat(",").then_some(())?;
    cursor.space()?;
    let year = cursor.digits(4)?;
    cursor.eat(",");
    cursor.space()?;
    let hour = cursor.one_or_two_digits()?;
    cursor.eat(":").then_some(())?;
    let minute = cursor.digits(2)?;
    cursor.eat(":").then_some(())?;
    let second = cursor.digits(2)?;
    cursor.space()?;
    let afternoon = match cursor.0 {
        "AM" | "am" => 0,
        "PM" | "pm" => 12,
        _ => return None,
    };
    if !(1..=12).contains(&hour) {
        return None;
    }
    // 12 AM is the first hour of the day and 12 PM the thirteenth: 12 counts as 0.
    instant(year, month, day, hour % 12 + afternoon, minute, second)
}

/// The rest of a text that is read from left to right.
struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    fn eat(&mut self, expected: &str) -> bool {
        match self.0.strip_prefix(expected) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn run_of_digits(&mut self) -> &'a str {
        let end = self.0.find(|char: char| !char.is_ascii_digit()).unwrap_or(self.0.len());
        let (digits, rest) = self.0.split_at(end);
        self.0 = rest;
        digits
    }

    fn digits(&mut self, count: usize) -> Option<i64> {
        let digits = self.0.get(..count).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        self.0 = &self.0[count..];
        digits.parse().ok()
    }

    fn one_or_two_digits(&mut self) -> Option<i64> {
        let digits = self.run_of_digits();
        (1..=2).contains(&digits.len()).then(|| digits.parse().expect("digits"))
    }

    /// Minutes east of UTC. A missing zone is UTC.
    fn zone(&mut self) -> Option<i64> {
        if self.0.is_empty() || self.eat("Z") || self.eat("z") {
            return Some(0);
        }
        let sign = if self.eat("+") {
            1
        } else if self.eat("-") {
            -1
        } else {
            return None;
        };
        let hours = self.digits(2)?;
        self.eat(":");
        let minutes = self.digits(2)?;
        (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
    }

    /// Three letters, or `Sept` as some locales have it.
    fn month(&mut self) -> Option<i64> {
        if self.eat("Sept") {
            return Some(9);
        }
        let position = MONTHS.iter().position(|month| self.eat(month))?;
        Some(i64::try_from(position).expect("below 12") + 1)
    }

    /// One space, one no-break space or one narrow no-break space.
    fn space(&mut self) -> Option<()> {
        (self.eat(" ") || self.eat("\u{a0}") || self.eat("\u{202f}")).then_some(())
    }
}

/// Whether the text has the shape `YYYY-MM-DDTHH:MM:SSZ`; called on texts that are instants already.
fn is_canonical(text: &str) -> bool {
    let shape: String = text.chars().map(|char| if char.is_ascii_digit() { '0' } else { char }).collect();
    shape == "0000-00-00T00:00:00Z"
}

/// Milliseconds since 1970 of a real date and time of day. There is no second 60.
fn instant(year: i64, month: i64, day: i64, hour: i64, minute: i64, second: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=days_in_month(year, month)).contains(&day) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days_before_year(year) + (1..month).map(|month| days_in_month(year, month)).sum::<i64>() + day - 1;
    Some((days * 86_400 + hour * 3_600 + minute * 60 + second) * 1_000)
}

/// Only instants of the years 0000 to 9999 have a date that a partition can be named after.
fn in_calendar(ms: i64) -> Option<i64> {
    let first = days_before_year(0) * MS_PER_DAY;
    let end = days_before_year(10_000) * MS_PER_DAY;
    (first..end).contains(&ms).then_some(ms)
}

/// `YYYY-MM-DD` of an instant, UTC.
pub fn date_of(ms: i64) -> String {
    let days = ms.div_euclid(MS_PER_DAY);
    // A guess that is never too late; the loops walk on to the year and month.
    let mut year = 1969 + days.div_euclid(if days < 0 { 365 } else { 366 });
    while days_before_year(year + 1) <= days {
        year += 1;
    }
    let mut day = days - days_before_year(year);
    let mut month = 1;
    while day >= days_in_month(year, month) {
        day -= days_in_month(year, month);
        month += 1;
    }
    format!("{year:04}-{month:02}-{:02}", day + 1)
}

/// Days from 1970-01-01 to the first day of a year, negative before 1970.
fn days_before_year(year: i64) -> i64 {
    // Leap days from year 0 up to but not including this year; year 0 itself is a leap year.
    let leap_days = |year: i64| (year + 3).div_euclid(4) - (year + 99).div_euclid(100) + (year + 399).div_euclid(400);
    (year - 1970) * 365 + leap_days(year) - leap_days(1970)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(year: i64, month: i64, day: i64, hour: i64, minute: i64, second: i64) -> i64 {
        instant(year, month, day, hour, minute, second).expect("a real instant")
    }

    /// The calendar must agree with jiff's: on a whole cycle, on the years of real archives and on the last ones that a
    /// column can hold.
    #[test]
    fn every_day_is_where_jiff_has_it() {
        let epoch = jiff::civil::date(1970, 1, 1);
        for (first, last) in [(0, 400), (1890, 2110), (9990, 9998)] {
            let mut date = jiff::civil::date(first, 1, 1);
            while date.year() <= last {
                let days = i64::from((date - epoch).get_days());
                let ms = at(date.year().into(), date.month().into(), date.day().into(), 0, 0, 0);
                assert_eq!(ms, days * MS_PER_DAY, "{date}");
                assert_eq!(date_of(ms), date.to_string());
                assert_eq!(date_of(ms + MS_PER_DAY - 1), date.to_string());
                date = date.tomorrow().expect("before the year 10000");
            }
        }
    }

    #[test]
    fn the_canonical_form_and_its_relatives_are_instants() {
        let time = at(2018, 4, 19, 16, 32, 51);
        let check = |text: &str, ms: i64, canonical: bool| {
            assert_eq!(iso(text), Some(Instant { ms, canonical }), "{text}");
        };
        check("2018-04-19T16:32:51Z", time, true);
        for text in [
            "2018-04-19T16:32:51z",
            "2018-04-19t16:32:51Z",
            "2018-04-19 16:32:51Z",
            "2018-04-19T16:32:51",
            "2018-04-19 16:32:51",
            "20180419T163251Z",
            "2018-04-19T18:32:51+02:00",
            "2018-04-19T18:32:51+0200",
            "2018-04-19T16:32:51+00:00",
            "2018-04-19T16:32:51-00:00",
            "2018-04-19T11:02:51-05:30",
            "2018-04-20T00:32:51+08:00",
            "2018-04-19T16:32:51.0Z",
        ] {
            check(text, time, false);
        }
        check("2018-04-19T16:32:51.1Z", time + 100, false);
        check("2018-04-19T16:32:51.12Z", time + 120, false);
        check("2018-04-19T16:32:51.123Z", time + 123, false);
        check("2018-04-19T16:32:51.123999999Z", time + 123, false);
        check("2018-04-19 18:32:51.5+02:00", time + 500, false);
    }

    #[test]
    fn only_real_dates_and_times_are_instants() {
        for text in [
            "2016-02-29T00:00:00Z",
            "2000-02-29T00:00:00Z",
            "0000-02-29T23:59:59Z",
            "9999-12-31T23:59:59Z",
            "1969-12-31T23:59:59Z",
        ] {
            assert!(iso(text).is_some_and(|instant| instant.canonical), "{text}");
        }
        for text in [
            "",
            "2018",
            "2018-04-19",
            "2018-04-19T16:32Z",
            "2018-04-19T16:32:60Z",
            "2018-04-19T24:00:00Z",
            "2018-04-19T16:60:00Z",
            "2018-04-31T16:32:51Z",
            "2018-02-29T16:32:51Z",
            "1900-02-29T16:32:51Z",
            "2018-00-19T16:32:51Z",
            "2018-13-19T16:32:51Z",
            "2018-04-00T16:32:51Z",
            "2018-04-19T16:32:51.Z",
            "2018-04-19T16:32:51.1234567890Z",
            "2018-04-19T16:32:51,5Z",
            "2018-04-19T16:32:51+24:00",
            "2018-04-19T16:32:51+02:60",
            "2018-04-19T16:32:51+02",
            "2018-04-19T16:32:51 Z",
            "2018-04-19T16:32:51Z ",
            " 2018-04-19T16:32:51Z",
            "2018-04-19T16:32:51ZZ",
            "2018-04-19_16:32:51Z",
            "2018-0419T16:32:51Z",
            "2018-04-19T163251Z",
            "20180419T16:32:51Z",
            "+2018-04-19T16:32:51Z",
            "12018-04-19T16:32:51Z",
            "٢٠١٨-04-19T16:32:51Z",
            "yesterday",
            "0000-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
        ] {
            assert_eq!(iso(text), None, "{text}");
        }
    }

    #[test]
    fn usage_timestamps_in_java_text() {
        let check = |text: &str, ms: i64| assert_eq!(usage_text(text), Some(ms), "{text}");
        check("Apr 19, 2018 4:32:50 PM", at(2018, 4, 19, 16, 32, 50));
        check("Jul 23, 2020 1:35:44 AM", at(2020, 7, 23, 1, 35, 44));
        check("Jul 10, 2020 11:06:41 PM", at(2020, 7, 10, 23, 6, 41));
        check("Dec 9, 2025, 5:31:31 PM", at(2025, 12, 9, 17, 31, 31));
        check("Dec 9, 2025, 5:31:31\u{202f}PM", at(2025, 12, 9, 17, 31, 31));
        check("Dec 9, 2025 5:31:31\u{a0}pm", at(2025, 12, 9, 17, 31, 31));
        check("Jan 1, 2024 12:00:00 AM", at(2024, 1, 1, 0, 0, 0));
        check("Jan 1, 2024 12:59:59 am", at(2024, 1, 1, 0, 59, 59));
        check("Jan 1, 2024 12:00:00 PM", at(2024, 1, 1, 12, 0, 0));
        check("Jan 1, 2024 11:59:59 PM", at(2024, 1, 1, 23, 59, 59));
        check("Feb 29, 2024 3:00:00 PM", at(2024, 2, 29, 15, 0, 0));
        check("Sep 5, 2023 3:00:00 PM", at(2023, 9, 5, 15, 0, 0));
        check("Sept 5, 2023 3:00:00 PM", at(2023, 9, 5, 15, 0, 0));
        for (month, number) in MONTHS.iter().zip(1..) {
            check(&format!("{month} 2, 2021 10:00:00 AM"), at(2021, number, 2, 10, 0, 0));
        }
    }

    #[test]
    fn usage_timestamps_in_the_other_forms() {
        let check = |text: &str, ms: i64| assert_eq!(usage_text(text), Some(ms), "{text}");
        check("2025-06-05T14:00:00Z", at(2025, 6, 5, 14, 0, 0));
        check("2025-06-05T14:00:00.250+02:00", at(2025, 6, 5, 12, 0, 0) + 250);
        check("20250605T140000Z", at(2025, 6, 5, 14, 0, 0));
        check("1752300000", 1_752_300_000_000);
        check("1752300000000", 1_752_300_000_000);
        check("1752300000.5", 1_752_300_000_500);
        check("1.7523e9", 1_752_300_000_000);
    }

    #[test]
    fn other_texts_are_no_usage_timestamps() {
        for text in [
            "",
            "now",
            "Feb 29, 2023 3:00:00 PM",
            "Foo 1, 2024 3:00:00 PM",
            "Jan 32, 2024 3:00:00 PM",
            "Jan 0, 2024 3:00:00 PM",
            "Jan 1, 2024 0:00:00 AM",
            "Jan 1, 2024 13:00:00 PM",
            "Jan 1, 2024 3:60:00 PM",
            "Jan 1, 2024 3:00:60 PM",
            "Jan 1, 2024 3:00 PM",
            "Jan 1, 2024 3:00:00",
            "Jan 1, 2024 3:00:00PM",
            "Jan 1, 2024 3:00:00 XM",
            "Jan 1, 2024 3:00:00 PM UTC",
            "Jan 1 2024 3:00:00 PM",
            "1, Jan 2024 3:00:00 PM",
            "1e300",
            "0x10",
        ] {
            assert_eq!(usage_text(text), None, "{text}");
        }
    }
}
