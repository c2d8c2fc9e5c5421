//! Text primitives. In: numbers, times, a random stream. Out: bytes appended to a buffer. Never allocates beyond that
//! buffer and never escapes: everything written here is already valid inside a JSON string.

use std::io::Write;

use jiff::Timestamp;

use super::prng::{Prng, index};

const HEX: &[u8; 16] = b"0123456789abcdef";
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

pub(super) fn put(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
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
    let (high, low) = ((rng.next() & 0xffff_ffff_ffff_0fff) | 0x4000, (rng.next() >> 2) | (1 << 63));
    let groups =
        [(high >> 32, 8), ((high >> 16) & 0xffff, 4), (high & 0xffff, 4), (low >> 48, 4), (low & (!0 >> 16), 12)];
    for (position, (group, width)) in groups.into_iter().enumerate() {
        let dash = if position > 0 { "-" } else { "" };
        // Writing to a Vec cannot fail, here and below.
        let _ = if upper { write!(out, "{dash}{group:0width$X}") } else { write!(out, "{dash}{group:0width$x}") };
    }
}

pub(super) fn push_decimal(out: &mut Vec<u8>, value: u64) {
    let _ = write!(out, "{value}");
}

pub(super) fn push_signed(out: &mut Vec<u8>, value: i64) {
    let _ = write!(out, "{value}");
}

/// Appends `value` with leading zeros up to `width` digits.
pub(super) fn push_padded(out: &mut Vec<u8>, value: u64, width: usize) {
    let _ = write!(out, "{value:0width$}");
}

/// `2025-06-01T14:05:09Z`
pub(super) const ISO: &str = "%Y-%m-%dT%H:%M:%SZ";
/// `20250601T140509Z`
pub(super) const BASIC: &str = "%Y%m%dT%H%M%SZ";
/// `Dec 9, 2025, 5:31:31 PM`, as Java's `DateFormat` (MEDIUM, US) puts it from JDK 9 on: no leading zeros, 12 AM is
/// midnight.
pub(super) const JAVA: &str = "%b %-d, %Y, %-I:%M:%S %p";

/// Appends a moment, in the form that `strftime` takes.
pub(super) fn push_time(out: &mut Vec<u8>, seconds: i64, form: &str) {
    let _ = write!(out, "{}", Timestamp::from_second(seconds).unwrap_or_default().strftime(form));
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
        check(|out| push_time(out, 1_524_155_570, ISO), "2018-04-19T16:32:50Z");
        check(|out| push_time(out, 951_782_399, BASIC), "20000228T235959Z");
        check(|out| push_time(out, 1_524_155_570, JAVA), "Apr 19, 2018, 4:32:50 PM");
        check(|out| push_time(out, 1_765_238_400, JAVA), "Dec 9, 2025, 12:00:00 AM");
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
