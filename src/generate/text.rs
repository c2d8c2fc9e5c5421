//! Text primitives. In: numbers, times, a random stream. Out: bytes appended to a buffer. Never allocates beyond that
//! buffer and never escapes: everything written here is already valid inside a JSON string.

use super::prng::{Prng, index};

const HEX: &[u8; 16] = b"0123456789abcdef";
const HEX_UPPER: &[u8; 16] = b"0123456789ABCDEF";
/// Alphabet of AWS's unique ids (`AROA…`, `ASIA…`): base 32.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BASE36_UPPER: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const BASE36_LOWER: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
/// The first 62 serve as the alphanumeric alphabet, all 64 as base 64.
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// An alphabet to draw characters from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alphabet {
    Hex,
    Base32,
    UpperAlnum,
    LowerAlnum,
    Alnum,
    Base64,
    Digits,
}

/// Appends `count` characters, each with the full entropy of the alphabet: what looks random in a real archive must
/// not compress here either.
pub(super) fn push_random(out: &mut Vec<u8>, rng: &mut Prng, alphabet: Alphabet, count: usize) {
    match alphabet {
        Alphabet::Hex => push_bits(out, rng, HEX, 4, count),
        Alphabet::Base32 => push_bits(out, rng, BASE32, 5, count),
        Alphabet::Base64 => push_bits(out, rng, BASE64, 6, count),
        Alphabet::UpperAlnum => push_scaled(out, rng, BASE36_UPPER, count),
        Alphabet::LowerAlnum => push_scaled(out, rng, BASE36_LOWER, count),
        Alphabet::Alnum => push_scaled(out, rng, &BASE64[..62], count),
        Alphabet::Digits => push_scaled(out, rng, &BASE36_LOWER[26..], count),
    }
}

/// For alphabets of a power of two: a draw serves `64 / bits` characters.
fn push_bits(out: &mut Vec<u8>, rng: &mut Prng, alphabet: &[u8], bits: u32, count: usize) {
    let mask = (1_u64 << bits) - 1;
    let per_draw = index(u64::from(64 / bits));
    let mut left = count;
    while left > 0 {
        let mut drawn = rng.next();
        let mut block = [0_u8; 16];
        for byte in &mut block[..per_draw] {
            *byte = alphabet[index(drawn & mask)];
            drawn >>= bits;
        }
        let taken = left.min(per_draw);
        out.extend_from_slice(&block[..taken]);
        left -= taken;
    }
}

/// For the others: a draw serves four characters, 16 bits scaled to the alphabet each.
fn push_scaled(out: &mut Vec<u8>, rng: &mut Prng, alphabet: &[u8], count: usize) {
    let base = u64::try_from(alphabet.len()).unwrap_or(1);
    let mut left = count;
    while left > 0 {
        let mut drawn = rng.next();
        for _ in 0..left.min(4) {
            out.push(alphabet[index(((drawn & 0xffff) * base) >> 16)]);
            drawn >>= 16;
        }
        left = left.saturating_sub(4);
    }
}

/// Appends a random (version 4) GUID.
pub(super) fn push_guid(out: &mut Vec<u8>, rng: &mut Prng, upper: bool) {
    let alphabet = if upper { HEX_UPPER } else { HEX };
    let halves = [(rng.next() & 0xffff_ffff_ffff_0fff) | 0x4000, (rng.next() >> 2) | (1 << 63)];
    let mut text = [b'-'; 36];
    let mut at = 0;
    for half in halves {
        for shift in (0..64).step_by(4).rev() {
            if matches!(at, 8 | 13 | 18 | 23) {
                at += 1;
            }
            text[at] = alphabet[index((half >> shift) & 15)];
            at += 1;
        }
    }
    out.extend_from_slice(&text);
}

pub(super) fn push_decimal(out: &mut Vec<u8>, value: u64) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    let mut rest = value;
    loop {
        at -= 1;
        digits[at] = digit(rest % 10);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

pub(super) fn push_signed(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    push_decimal(out, value.unsigned_abs());
}

/// Appends `value` with leading zeros up to `width` digits.
pub(super) fn push_padded(out: &mut Vec<u8>, value: u64, width: u32) {
    for place in (0..width).rev() {
        out.push(digit(value / 10_u64.pow(place) % 10));
    }
}

/// The character of a digit; the caller passes 0..=9.
fn digit(value: u64) -> u8 {
    b'0' + u8::try_from(value).unwrap_or(0)
}

/// A moment taken apart. Own arithmetic instead of a calendar library: it runs several times per event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Civil {
    pub(super) year: u64,
    pub(super) month: u64,
    pub(super) day: u64,
    pub(super) hour: u64,
    pub(super) minute: u64,
    pub(super) second: u64,
}

const DAY_SECONDS: i64 = 86_400;

impl Civil {
    /// From seconds since 1970; what lies before counts as 1970-01-01 (archives are from 2013 on).
    pub(super) fn from_unix(seconds: i64) -> Self {
        let seconds = seconds.max(0);
        let days = seconds / DAY_SECONDS;
        let clock = (seconds % DAY_SECONDS).unsigned_abs();
        // Howard Hinnant's civil_from_days, for days that are not negative: eras of 400 years, years beginning in March.
        let shifted = days.unsigned_abs() + 719_468;
        let era = shifted / 146_097;
        let day_of_era = shifted % 146_097;
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
        Self {
            year: year_of_era + era * 400 + u64::from(month <= 2),
            month,
            day: day_of_year - (153 * march_month + 2) / 5 + 1,
            hour: clock / 3_600,
            minute: clock / 60 % 60,
            second: clock % 60,
        }
    }
}

/// `2025-06-01T14:05:09Z`
pub(super) fn push_iso(out: &mut Vec<u8>, seconds: i64) {
    let civil = Civil::from_unix(seconds);
    push_padded(out, civil.year, 4);
    for (mark, value) in
        [(b'-', civil.month), (b'-', civil.day), (b'T', civil.hour), (b':', civil.minute), (b':', civil.second)]
    {
        out.push(mark);
        push_padded(out, value, 2);
    }
    out.push(b'Z');
}

/// `20250601T140509Z`
pub(super) fn push_iso_basic(out: &mut Vec<u8>, seconds: i64) {
    let civil = Civil::from_unix(seconds);
    push_padded(out, civil.year, 4);
    push_padded(out, civil.month, 2);
    push_padded(out, civil.day, 2);
    out.push(b'T');
    push_padded(out, civil.hour, 2);
    push_padded(out, civil.minute, 2);
    push_padded(out, civil.second, 2);
    out.push(b'Z');
}

/// How Java's `DateFormat` (MEDIUM, US) put a moment, by the age of the JDK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct JavaForm {
    /// JDK 9 and later: `Dec 9, 2025, 5:31:31 PM`.
    pub(super) comma: bool,
    /// What stands before AM/PM: a space, later U+202F.
    pub(super) gap: &'static str,
}

/// `Apr 19, 2018 4:32:50 PM` and its younger forms: day and hour without leading zero, 12 AM is midnight.
pub(super) fn push_java(out: &mut Vec<u8>, seconds: i64, form: JavaForm) {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let civil = Civil::from_unix(seconds);
    out.extend_from_slice(MONTHS[index(civil.month - 1)].as_bytes());
    out.push(b' ');
    push_decimal(out, civil.day);
    out.extend_from_slice(b", ");
    push_decimal(out, civil.year);
    out.extend_from_slice(if form.comma { b", " } else { b" " });
    push_decimal(out, (civil.hour + 11) % 12 + 1);
    out.push(b':');
    push_padded(out, civil.minute, 2);
    out.push(b':');
    push_padded(out, civil.second, 2);
    out.extend_from_slice(form.gap.as_bytes());
    out.extend_from_slice(if civil.hour < 12 { b"AM" } else { b"PM" });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(write: impl FnOnce(&mut Vec<u8>), expected: &str) {
        let mut out = Vec::new();
        write(&mut out);
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }

    #[test]
    fn moments_are_written_as_cloudtrail_writes_them() {
        check(|out| push_iso(out, 1_524_155_570), "2018-04-19T16:32:50Z");
        check(|out| push_iso(out, 951_782_400), "2000-02-29T00:00:00Z");
        check(|out| push_iso(out, 1_735_689_599), "2024-12-31T23:59:59Z");
        check(|out| push_iso_basic(out, 951_782_399), "20000228T235959Z");
        let java = |time, comma, gap| move |out: &mut Vec<u8>| push_java(out, time, JavaForm { comma, gap });
        check(java(1_524_155_570, false, " "), "Apr 19, 2018 4:32:50 PM");
        check(java(1_765_238_400, true, "\u{202f}"), "Dec 9, 2025, 12:00:00\u{202f}AM");
    }

    #[test]
    fn numbers_and_ids_have_their_length() {
        check(|out| push_decimal(out, 0), "0");
        check(|out| push_decimal(out, u64::MAX), "18446744073709551615");
        check(|out| push_signed(out, -17), "-17");
        check(|out| push_padded(out, 42, 5), "00042");
        for (alphabet, count) in
            [(Alphabet::Hex, 17), (Alphabet::Base64, 401), (Alphabet::Digits, 12), (Alphabet::Base32, 0)]
        {
            let mut out = Vec::new();
            push_random(&mut out, &mut Prng::new(3), alphabet, count);
            assert_eq!(out.len(), count);
        }
    }

    #[test]
    fn guids_are_version_4() {
        let mut out = Vec::new();
        push_guid(&mut out, &mut Prng::new(5), false);
        assert_eq!(out.len(), 36);
        assert_eq!(out[14], b'4');
        assert!(b"89ab".contains(&out[19]));
        assert!([8, 13, 18, 23].iter().all(|at| out[*at] == b'-'));
    }
}
