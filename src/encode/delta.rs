//! Numbers by their differences (Parquet format, Encodings.md, delta binary packed).
//!
//! In: lengths. Out: their encoding, appended to a page. Never: decodes.

use super::rle::{bit_width, pack_bits, put_varint};

/// Numbers of a block, and of each part of it that has a width of its own.
const BLOCK: usize = 128;
const PART: usize = 32;

/// Appends lengths, which are never negative.
pub(super) fn encode(lengths: &[i32], page: &mut Vec<u8>) {
    put_varint(BLOCK as u64, page);
    put_varint((BLOCK / PART) as u64, page);
    put_varint(lengths.len() as u64, page);
    put_signed(lengths.first().copied().unwrap_or_default(), page);
    let mut block = [0_i32; BLOCK];
    let mut rest = lengths;
    while rest.len() > 1 {
        let count = BLOCK.min(rest.len() - 1);
        let mut least = i32::MAX;
        for (difference, [one, two]) in block.iter_mut().zip(rest[..=count].array_windows()) {
            *difference = two.wrapping_sub(*one);
            least = least.min(*difference);
        }
        rest = &rest[count..];
        put_signed(least, page);
        let differences = &block[..count];
        let above_least = |difference: &i32| difference.wrapping_sub(least) as u32;
        let widths = page.len();
        page.resize(widths + BLOCK / PART, 0);
        for (at, part) in differences.chunks(PART).enumerate() {
            let mut numbers = [0; PART];
            numbers.iter_mut().zip(part).for_each(|(number, difference)| *number = above_least(difference));
            let width = bit_width(numbers.iter().fold(0, |all, number| all | number));
            page[widths + at] = width.to_le_bytes()[0];
            pack_bits(&numbers, width, page);
        }
    }
}

/// Zigzag: small numbers of both signs stay small.
fn put_signed(number: i32, page: &mut Vec<u8>) {
    put_varint(u64::from((number << 1 ^ number >> 31) as u32), page);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::Random;

    /// A plain decoder.
    fn decode(page: &[u8]) -> Vec<i32> {
        let mut at = 0;
        let varint = |at: &mut usize| {
            let (mut number, mut shift) = (0_u64, 0);
            loop {
                let byte = page[*at];
                *at += 1;
                number |= u64::from(byte & 0x7f) << shift;
                shift += 7;
                if byte < 0x80 {
                    return number;
                }
            }
        };
        let signed = |number: u64| i64::try_from(number >> 1).expect("small") ^ -i64::from(number & 1 == 1);
        let (block, parts, count) = (varint(&mut at), varint(&mut at), varint(&mut at));
        assert_eq!((block, parts), (128, 4));
        let mut last = signed(varint(&mut at));
        let mut numbers = vec![last];
        let count = usize::try_from(count).expect("small");
        while numbers.len() < count {
            let smallest = signed(varint(&mut at));
            let widths = page[at..at + 4].to_vec();
            at += 4;
            for width in widths.into_iter().map(usize::from) {
                if numbers.len() >= count {
                    break;
                }
                for place in 0..32 {
                    let bit = |bit: usize| i64::from(page[at + bit / 8] >> (bit % 8) & 1);
                    let above = (0..width).fold(0, |all, low| all | bit(place * width + low) << low);
                    last += smallest + above;
                    numbers.push(last);
                }
                at += width * 4;
            }
        }
        assert_eq!(at, page.len(), "nothing is left over");
        numbers.truncate(count);
        numbers.into_iter().map(|number| i32::try_from(number).expect("32 bits")).collect()
    }

    #[test]
    fn lengths_come_back() {
        let mut random = Random::new(0x2545_f491_4f6c_dd1d);
        for round in 0..500 {
            let most = [1, 40, 300, u64::from(i32::MAX as u32)][round % 4];
            let lengths: Vec<i32> =
                (0..random.below(400)).map(|_| i32::try_from(random.below(most)).expect("31 bits")).collect();
            let mut page = Vec::new();
            encode(&lengths, &mut page);
            assert_eq!(decode(&page)[..lengths.len()], lengths);
        }
        let mut page = Vec::new();
        encode(&vec![36; 20_000], &mut page);
        assert!(page.len() < 1_000, "{} bytes for equal lengths", page.len());
    }
}
