//! JSON numbers of any length, taken apart by hand: nothing passes through a float.

/// `±digits × 10^exponent`, without zeros at either end of the digits; zero has no digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Number {
    /// Reads a JSON number, and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((_, "")) => return None,
            Some((whole, fraction)) => (whole, fraction),
            None => (mantissa, ""),
        };
        let leading_zero = whole.len() > 1 && whole.starts_with('0');
        if whole.is_empty() || leading_zero || !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        let all = format!("{whole}{fraction}");
        let digits = all.trim_end_matches('0');
        let zeros_cut = all.len() - digits.len();
        let exponent = exponent - length(fraction) + i64::try_from(zeros_cut).expect("a length");
        Some(Self { negative, digits: digits.trim_start_matches('0').to_owned(), exponent })
    }

    /// Millionths when the value fits DECIMAL(18,6) without losing anything.
    pub fn millionths(&self) -> Option<i128> {
        if self.digits.is_empty() {
            return Some(0);
        }
        let zeros = self.exponent + 6;
        if zeros < 0 || length(&self.digits) + zeros > 18 {
            return None;
        }
        Some(self.signed(&self.digits, zeros))
    }

    /// Milliseconds since 1970 of a number that is an instant: from 10^11 on milliseconds, else seconds. Fractions of
    /// a millisecond are cut towards minus infinity. `None` beyond any calendar.
    pub fn epoch_ms(&self) -> Option<i64> {
        if self.digits.is_empty() {
            return Some(0);
        }
        let is_millis = length(&self.digits) + self.exponent >= 12;
        let zeros = self.exponent + if is_millis { 0 } else { 3 };
        let whole_digits = length(&self.digits) + zeros;
        if whole_digits > 18 {
            return None;
        }
        let ms = if zeros >= 0 {
            self.signed(&self.digits, zeros)
        } else {
            let kept = usize::try_from(whole_digits).unwrap_or(0);
            // What is cut off is never zero, because the digits do not end in zeros.
            self.signed(&self.digits[..kept], 0) - i128::from(self.negative)
        };
        i64::try_from(ms).ok()
    }

    fn signed(&self, digits: &str, zeros: i64) -> i128 {
        let padded = format!("0{digits}{}", "0".repeat(usize::try_from(zeros).expect("not negative")));
        let value: i128 = padded.parse().expect("at most 18 digits");
        if self.negative { -value } else { value }
    }
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn length(digits: &str) -> i64 {
    i64::try_from(digits.len()).expect("a length")
}

/// The exponent, or a very large one if no integer holds it.
fn parse_exponent(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.is_empty() || !all_digits(digits) {
        return None;
    }
    let size = digits.parse().unwrap_or(i64::MAX).min(1_000_000_000_000);
    Some(if negative { -size } else { size })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, millionths: Option<i128>) {
        assert_eq!(Number::parse(text).and_then(|number| number.millionths()), millionths, "{text}");
    }

    #[test]
    fn quantities_are_exact_to_six_places() {
        check("0", Some(0));
        check("-0", Some(0));
        check("-0.000e5", Some(0));
        check("1", Some(1_000_000));
        check("1.10", Some(1_100_000));
        check("1E5", Some(100_000_000_000));
        check("1.5e+2", Some(150_000_000));
        check("12345e-4", Some(1_234_500));
        check("-2.5", Some(-2_500_000));
        check("0.000001", Some(1));
        check("0.0000010000", Some(1));
        check("1e-6", Some(1));
        check("10e-7", Some(1));
        check("0.0000001", None);
        check("1e-7", None);
    }

    #[test]
    fn quantities_end_below_a_million_millions() {
        check("999999999999", Some(999_999_999_999_000_000));
        check("999999999999.999999", Some(999_999_999_999_999_999));
        check("-999999999999.999999", Some(-999_999_999_999_999_999));
        check("1000000000000", None);
        check("1e12", None);
        check("-1e12", None);
        check("9.99999999999e11", Some(999_999_999_999_000_000));
        check("999999999999.9999991", None);
        check("12345678901234567890123", None);
    }

    #[test]
    fn exponents_have_no_limit_and_zero_is_zero_under_any() {
        check("1e400", None);
        check("1e-400", None);
        check("0e99999999999999999999999999", Some(0));
        check("0.0e-99999999999999999999999999", Some(0));
        check("1e99999999999999999999999999", None);
        let long = format!("1{}e-400", "0".repeat(400));
        check(&long, Some(1_000_000));
        let fraction = format!("0.{}1e400", "0".repeat(399));
        check(&fraction, Some(1_000_000));
    }

    #[test]
    fn only_json_numbers_are_numbers() {
        for text in
            ["", "-", "+1", "01", "-01", "1.", ".5", "1e", "1e+", "1.2.3", "abc", "NaN", "1 ", " 1", "0x10", "1_0", "١"]
        {
            check(text, None);
            assert_eq!(Number::parse(text), None, "{text}");
        }
    }

    #[test]
    fn instants_are_seconds_or_from_ten_to_the_eleventh_on_milliseconds() {
        let check = |text: &str, ms: Option<i64>| {
            assert_eq!(Number::parse(text).and_then(|number| number.epoch_ms()), ms, "{text}");
        };
        check("1752300000", Some(1_752_300_000_000));
        check("1752300000123", Some(1_752_300_000_123));
        check("1752300000.1239", Some(1_752_300_000_123));
        check("1752300000123.9", Some(1_752_300_000_123));
        check("1.7523e9", Some(1_752_300_000_000));
        check("1.7523E12", Some(1_752_300_000_000));
        check("99999999999", Some(99_999_999_999_000));
        check("99999999999.9999", Some(99_999_999_999_999));
        check("100000000000", Some(100_000_000_000));
        check("0", Some(0));
        check("0.0001", Some(0));
        check("-0.0001", Some(-1));
        check("-1.5", Some(-1_500));
        check("-1.0005", Some(-1_001));
        check("-100000000000.5", Some(-100_000_000_001));
        check("1e300", None);
        check("-1e300", None);
        check("1e-300", Some(0));
    }
}
