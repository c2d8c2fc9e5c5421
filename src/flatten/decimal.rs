//! Number text to exact decimals.
//!
//! In: the text of a JSON number, or of a string that holds one. Out: an integer count of the smallest unit.
//! Never: passes through a float.

/// Largest number of units a `DECIMAL(18,6)` holds, plus one.
const LIMIT: i128 = 1_000_000_000_000_000_000;

/// Exponents beyond this are like this one: no text has digits enough to make up for it.
const LARGEST_EXPONENT: i64 = 1 << 48;

/// A quantity in millionths, or `None` when the text is no number or needs more than `DECIMAL(18,6)`.
pub(crate) fn parse_quantity(text: &str) -> Option<i128> {
    // Nearly every quantity is a small whole number.
    const SAFE_DIGITS: usize = 12;
    let is_whole = (1..=SAFE_DIGITS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_whole && (text.len() == 1 || !text.starts_with('0')) {
        let whole = text.bytes().fold(0_i64, |whole, digit| whole * 10 + i64::from(digit - b'0'));
        return Some(i128::from(whole * 1_000_000));
    }
    let (units, is_exact) = parse_scaled(text, 6)?;
    (is_exact && units.abs() < LIMIT).then_some(units)
}

/// A number in units of 10^-`scale`, cut, and whether nothing was cut off.
pub(crate) fn parse_scaled(text: &str, scale: i64) -> Option<(i128, bool)> {
    let (is_negative, unsigned) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], parse_exponent(&unsigned[at + 1..])?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let has_point = mantissa.contains('.');
    let is_padded = whole.len() > 1 && whole.starts_with('0');
    if whole.is_empty() || is_padded || (has_point && fraction.is_empty()) {
        return None;
    }
    let mut units: i128 = 0;
    let mut is_exact = true;
    // Places that the digits still have to move left; digits beyond the last place are cut.
    let mut places = i64::try_from(whole.len()).ok()? + exponent + scale;
    for digit in whole.bytes().chain(fraction.bytes()) {
        if !digit.is_ascii_digit() {
            return None;
        }
        if places > 0 {
            units = units.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
        } else if digit != b'0' {
            is_exact = false;
        }
        places -= 1;
    }
    while places > 0 && units != 0 {
        units = units.checked_mul(10)?;
        places -= 1;
    }
    Some((if is_negative { -units } else { units }, is_exact))
}

fn parse_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let size = digits.parse::<i64>().unwrap_or(LARGEST_EXPONENT).min(LARGEST_EXPONENT);
    Some(if text.starts_with('-') { -size } else { size })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<i128>) {
        assert_eq!(parse_quantity(text), expected, "{text}");
    }

    #[test]
    fn spellings_of_one_number_are_one_number() {
        for text in ["17", "17.0", "17.00", "1.7e1", "1.7E+1", "170e-1", "17.000000000000000000000"] {
            check(text, Some(17_000_000));
        }
        check("0", Some(0));
        check("-0.0", Some(0));
        check("0e999999999999999999999", Some(0));
        check("0.000001", Some(1));
        check(&format!("1{}e-1200", "0".repeat(1_200)), Some(1_000_000));
        check(&format!("0.{}1e1200", "0".repeat(1_199)), Some(1_000_000));
        check("1E5", Some(100_000_000_000));
        check("-2.5", Some(-2_500_000));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        check("999999999999.999999", Some(999_999_999_999_999_999));
        for text in ["1000000000000", "0.0000001", "1e400", "1e-400", "12345678901234567890123", "1e-7"] {
            check(text, None);
        }
        for text in ["", "-", "017", ".", "1.", ".5", "1e", "1e+", "+1", "abc", "1,5", "0x10", "NaN", "1 ", "١"] {
            check(text, None);
        }
    }
}
