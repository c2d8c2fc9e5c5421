//! Values of flags as users type them: sizes, dates, codecs.

use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use trailmill::config::Compression;

/// A size such as `256MiB`, `1.5GB` or `4096`, in bytes.
pub(super) fn parse_size(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 10] = [
        ("kib", 1 << 10),
        ("mib", 1 << 20),
        ("gib", 1 << 30),
        ("tib", 1 << 40),
        ("kb", 1_000),
        ("mb", 1_000_000),
        ("gb", 1_000_000_000),
        ("tb", 1_000_000_000_000),
        ("b", 1),
        ("", 1),
    ];
    let wrong = || format!("{text:?} is no size; write it like 256MiB");
    let lower = text.trim().to_ascii_lowercase();
    let (number, unit) =
        UNITS.iter().find_map(|(name, unit)| Some((lower.strip_suffix(name)?.trim_end(), *unit))).ok_or_else(wrong)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) || fraction.len() > 6 {
        return Err(wrong());
    }
    let scale = 10_u64.pow(u32::try_from(fraction.len()).unwrap_or_default());
    let digits = u64::from_str(&format!("{whole}{fraction}")).map_err(|_| wrong())?;
    digits.checked_mul(unit).map(|bytes| bytes / scale).ok_or_else(wrong)
}

/// A time such as `30` or `0.5`, in seconds: shorter ones cannot be kept, and longer ones are not waited
/// for.
pub(super) fn parse_lease(text: &str) -> Result<Duration, String> {
    const SHORTEST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_hours(24);
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let seconds = seconds.filter(|seconds| (SHORTEST..=LONGEST).contains(seconds));
    seconds.ok_or_else(|| format!("{text:?} is no number of seconds from 0.1 to 86400; write it like 30 or 0.5"))
}

/// A time such as `90`, in seconds, `90s`, `5m` or `1h 30m`, of at most a day.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    const LONGEST: Duration = Duration::from_hours(24);
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let spelled = || text.parse::<jiff::SignedDuration>().ok().and_then(|spelled| Duration::try_from(spelled).ok());
    let duration = seconds.or_else(spelled).filter(|duration| *duration <= LONGEST);
    duration.ok_or_else(|| format!("{text:?} is no duration of a day at most; write it like 90s, 5m or 1h"))
}

/// A date, in days since 1970.
pub(super) fn parse_day(text: &str) -> Result<i64, String> {
    if has_time(text) {
        return Err(format!("{text:?} has a time, and whole days are selected here; write it like 2025-12-31"));
    }
    let date = text.parse::<Date>().map_err(|_| format!("{text:?} is no date; write it like 2025-12-31"))?;
    let epoch = jiff::civil::date(1970, 1, 1);
    date.since(epoch).map(|span| i64::from(span.get_days())).map_err(|error| error.to_string())
}

/// The first moment of a date, or a time, in milliseconds since 1970.
pub(super) fn parse_from(text: &str) -> Result<i64, String> {
    if has_time(text) { parse_time(text) } else { day_or_time(text).map(|day| day * MS_PER_DAY) }
}

/// The last moment of a date, or a time, in milliseconds since 1970.
pub(super) fn parse_to(text: &str) -> Result<i64, String> {
    if has_time(text) { parse_time(text) } else { day_or_time(text).map(|day| (day + 1) * MS_PER_DAY - 1) }
}

const MS_PER_DAY: i64 = 86_400_000;

fn day_or_time(text: &str) -> Result<i64, String> {
    parse_day(text).map_err(|_| no_time(text))
}

/// A time with a zone, or in UTC without one.
fn parse_time(text: &str) -> Result<i64, String> {
    let of_zone = || text.parse::<Timestamp>().ok();
    let of_utc = || format!("{text}Z").parse::<Timestamp>().ok();
    of_zone().or_else(of_utc).map(Timestamp::as_millisecond).ok_or_else(|| no_time(text))
}

fn no_time(text: &str) -> String {
    format!("{text:?} is no date and no time; write it like 2025-12-31, 2025-12-31T23:59 (UTC) or 2025-12-31T23:59:59Z")
}

/// Whether more than a date was typed.
fn has_time(text: &str) -> bool {
    text.split_once(['T', 't', ' ']).is_some_and(|(date, _)| date.parse::<Date>().is_ok())
}

pub(super) fn parse_compression(text: &str) -> Result<Compression, String> {
    let wrong = || format!("{text:?} is no compression; there are zstd, zstd:LEVEL (1 to 22), snappy, lz4, none");
    let (codec, level) = text.split_once(':').map_or((text, None), |(codec, level)| (codec, Some(level)));
    match (codec, level) {
        ("zstd", None) => Ok(Compression::Zstd(Compression::DEFAULT_ZSTD_LEVEL)),
        ("zstd", Some(level)) => {
            let level = level.parse().ok().filter(|level| (1..=22).contains(level));
            level.map(Compression::Zstd).ok_or_else(wrong)
        }
        ("snappy", None) => Ok(Compression::Snappy),
        ("lz4", None) => Ok(Compression::Lz4),
        ("none", None) => Ok(Compression::None),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_parsed() {
        for (text, bytes) in
            [("0", 0), ("4096", 4_096), ("256MiB", 256 << 20), ("1.5 GB", 1_500_000_000), ("2kb", 2_000)]
        {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "MiB", "-1", "1e3", "1.2.3MB", "99999999999TiB", "five"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn leases_have_a_minimum_and_a_maximum() {
        assert_eq!(parse_lease("0.1"), Ok(Duration::from_millis(100)));
        assert_eq!(parse_lease("86400"), Ok(Duration::from_hours(24)));
        for text in ["0", "0.09", "86401", "1e19", "-1", "inf", "NaN", "a", ""] {
            assert!(parse_lease(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_parsed() {
        for (text, seconds) in
            [("0", 0), ("90", 90), ("90s", 90), ("5m", 300), ("1h 30m", 5_400), ("1h30m", 5_400), ("24h", 86_400)]
        {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "m", "-1", "-5m", "25h", "1e9", "NaN", "inf", "five"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_moments_and_dates_are_whole_days() {
        const DAY: i64 = 19_783 * MS_PER_DAY;
        assert_eq!((parse_from("2024-03-01"), parse_to("2024-03-01")), (Ok(DAY), Ok(DAY + MS_PER_DAY - 1)));
        let eight = DAY + 8 * 3_600_000;
        for text in [
            "2024-03-01T08:00",
            "2024-03-01 08:00:00",
            "2024-03-01T08:00:00Z",
            "2024-03-01t08:00z",
            "2024-03-01T09:30:00+01:30",
            "2024-03-01T08:00:00.000Z",
        ] {
            assert_eq!((parse_from(text), parse_to(text)), (Ok(eight), Ok(eight)), "{text}");
        }
        for text in ["08:00", "2024-03-01T", "2024-03-01T25:00", "2024-02-30T08:00", "yesterday", "today", ""] {
            assert!(parse_from(text).is_err() && parse_to(text).is_err(), "{text}");
        }
    }

    #[test]
    fn dates_and_codecs() {
        assert_eq!(parse_day("1970-01-02"), Ok(1));
        assert!(parse_day("2025-02-30").is_err());
        // The library would ignore the time.
        for (text, said) in
            [("2025-03-01T08:00", "has a time"), ("2025-03-01 08:00:00Z", "has a time"), ("yesterday", "no date")]
        {
            assert!(parse_day(text).is_err_and(|error| error.contains(said)), "{text}");
        }
        assert_eq!(parse_compression("zstd:19"), Ok(Compression::Zstd(19)));
        for text in ["zstd:0", "zstd:23", "gzip", "snappy:3"] {
            assert!(parse_compression(text).is_err(), "{text}");
        }
    }
}
