//! Parquet's hybrid of runs and packed bits (Parquet format, Encodings.md, RLE).
//!
//! In: small numbers, or a bitmap. Out: their encoding, appended to a page. Never: a length or width in front of it;
//! that differs from place to place.

/// Values from which a run is worth leaving packed groups for: one group.
const GROUP: usize = 8;

/// Bits that numbers up to `largest` need.
pub(super) const fn bit_width(largest: u32) -> u32 {
    u32::BITS - largest.leading_zeros()
}

/// Appends numbers of at most `width` bits.
pub(super) fn encode(numbers: &[u32], width: u32, page: &mut Vec<u8>) {
    let mut packed_from = 0;
    let mut at = 0;
    while at < numbers.len() {
        let value = numbers[at];
        let run = numbers[at..].iter().take_while(|number| **number == value).count();
        // Packed groups hold eight numbers each: a run gives them what they lack.
        let lacking = (packed_from..at).len().wrapping_neg() % GROUP;
        if run < GROUP + lacking {
            at += run;
            continue;
        }
        at += lacking;
        pack(&numbers[packed_from..at], width, page);
        let run = run - lacking;
        put_run(run, value, width, page);
        at += run;
        packed_from = at;
    }
    pack(&numbers[packed_from..], width, page);
}

/// Appends the first `bits` bits of a bitmap whose lowest bit comes first.
pub(super) fn encode_bitmap(bitmap: &[u8], bits: usize, page: &mut Vec<u8>) {
    let whole = &bitmap[..bits / GROUP];
    let mut rest = bits;
    for same in whole.chunk_by(|one, two| is_uniform(*one) && one == two || !is_uniform(*one) && !is_uniform(*two)) {
        rest -= same.len() * GROUP;
        if is_uniform(same[0]) {
            put_run(same.len() * GROUP, u32::from(same[0] & 1), 1, page);
        } else {
            put_varint((same.len() as u64) << 1 | 1, page);
            page.extend_from_slice(same);
        }
    }
    if rest > 0 {
        put_varint(0b11, page);
        page.push(bitmap[whole.len()]);
    }
}

const fn is_uniform(byte: u8) -> bool {
    matches!(byte, 0 | u8::MAX)
}

fn put_run(length: usize, value: u32, width: u32, page: &mut Vec<u8>) {
    put_varint((length as u64) << 1, page);
    page.extend_from_slice(&value.to_le_bytes()[..width.div_ceil(8) as usize]);
}

/// Appends numbers as packed groups; the last is filled up with zeros.
fn pack(numbers: &[u32], width: u32, page: &mut Vec<u8>) {
    if numbers.is_empty() {
        return;
    }
    put_varint((numbers.len().div_ceil(GROUP) as u64) << 1 | 1, page);
    pack_bits(numbers, width, page);
}

/// Appends the lowest `width` bits of each number, eight numbers at a time.
pub(super) fn pack_bits(numbers: &[u32], width: u32, page: &mut Vec<u8>) {
    for group in numbers.chunks(GROUP) {
        // Eight numbers of `width` bits are `width` bytes, 32 at most.
        let end = page.len() + width as usize;
        let (mut bits, mut count) = (0_u64, 0);
        for number in group {
            bits |= u64::from(*number) << count;
            count += width;
            if count >= u32::BITS {
                page.extend_from_slice(&bits.to_le_bytes()[..4]);
                bits >>= u32::BITS;
                count -= u32::BITS;
            }
        }
        page.extend_from_slice(&bits.to_le_bytes()[..(count as usize).div_ceil(8)]);
        page.resize(end, 0);
    }
}

/// Appends a number, seven bits a byte.
pub(super) fn put_varint(mut number: u64, page: &mut Vec<u8>) {
    while number >= 0x80 {
        page.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    page.push(number.to_le_bytes()[0]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::Random;

    /// A plain decoder, a value at a time.
    fn decode(page: &[u8], width: u32, count: usize) -> Vec<u32> {
        let mut numbers = Vec::new();
        let mut at = 0;
        let byte = |at: &mut usize| {
            *at += 1;
            page[*at - 1]
        };
        while numbers.len() < count {
            let (mut header, mut shift) = (0_u64, 0);
            loop {
                let next = byte(&mut at);
                header |= u64::from(next & 0x7f) << shift;
                shift += 7;
                if next < 0x80 {
                    break;
                }
            }
            if header & 1 == 0 {
                let value = (0..width.div_ceil(8)).fold(0, |all, place| all | u32::from(byte(&mut at)) << (place * 8));
                numbers.extend(std::iter::repeat_n(value, usize::try_from(header >> 1).expect("small")));
            } else {
                for group in 0..usize::try_from(header >> 1).expect("small") {
                    for place in 0..GROUP {
                        let first = (group * GROUP + place) * width as usize;
                        let bit = |at_bit: usize| u32::from(page[at + at_bit / 8] >> (at_bit % 8) & 1);
                        numbers.push((0..width as usize).fold(0, |all, low| all | bit(first + low) << low));
                    }
                }
                at += usize::try_from(header >> 1).expect("small") * width as usize;
            }
        }
        assert_eq!(at, page.len(), "nothing is left over");
        numbers.truncate(count);
        numbers
    }

    #[test]
    fn numbers_come_back() {
        let mut random = Random::new(0x2545_f491_4f6c_dd1d);
        for round in 0..2_000 {
            let width = u32::try_from(round % 33).expect("small");
            let largest = if width == 0 { 0 } else { u64::from(u32::MAX >> (32 - width)) };
            let mut numbers = Vec::new();
            while (numbers.len() as u64) < random.below(400) {
                let value = u32::try_from(random.below(largest + 1)).expect("32 bits");
                let most = [1, 3, 40][usize::try_from(random.below(3)).expect("small")];
                numbers.extend(std::iter::repeat_n(value, usize::try_from(1 + random.below(most)).expect("small")));
            }
            let mut page = Vec::new();
            encode(&numbers, width, &mut page);
            assert_eq!(decode(&page, width, numbers.len()), numbers, "width {width}");
        }
    }

    #[test]
    fn bitmaps_come_back() {
        let mut random = Random::new(0x9e37_79b9_7f4a_7c15);
        for _ in 0..2_000 {
            let bits = usize::try_from(random.below(300)).expect("small");
            let bitmap: Vec<u8> = (0..bits.div_ceil(8))
                .map(|_| {
                    [0, u8::MAX, random.below(256).to_le_bytes()[0]][usize::try_from(random.below(3)).expect("small")]
                })
                .collect();
            let mut page = Vec::new();
            encode_bitmap(&bitmap, bits, &mut page);
            let expected: Vec<u32> = (0..bits).map(|at| u32::from(bitmap[at / 8] >> (at % 8) & 1)).collect();
            assert_eq!(decode(&page, 1, bits), expected);
        }
    }

    #[test]
    fn widths_are_least() {
        assert_eq!([0, 1, 2, 3, 4, 255, 256, u32::MAX].map(bit_width), [0, 1, 2, 2, 3, 8, 9, 32]);
        let mut page = Vec::new();
        encode(&[7; 1_000], 3, &mut page);
        assert_eq!(page, [0xd0, 0x0f, 7]);
    }
}
