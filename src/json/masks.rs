//! Text, 64 bytes at a time, to bits: the positions of the bytes that matter for JSON.
//!
//! In: blocks of text. Out: a bit for each byte of a block. Never: interprets them; the scans do.
//!
//! The scans are written once, generic over how [`Masks`] are made. [`scans!`] compiles them for several instruction sets, and
//! picks the best at run time, so that one binary is fast everywhere.

use wide::u8x16;

/// Bytes of a block: one bit each in a word.
pub(super) const BLOCK: usize = 64;

/// The positions of the bytes of a block that matter: a bit for each byte, the first one lowest.
pub(super) struct Masks {
    pub(super) quotes: u64,
    pub(super) backslashes: u64,
    /// `{` and `[`.
    pub(super) opening: u64,
    /// `}` and `]`.
    pub(super) closing: u64,
    /// Bytes below U+0020.
    pub(super) controls: u64,
}

/// The only bit in which `[` and `{`, and `]` and `}`, differ.
const CASE: u8 = 0x20;

impl Masks {
    /// For every processor.
    #[inline]
    pub(super) fn portable(block: &[u8; BLOCK]) -> Self {
        let mut masks = Self { quotes: 0, backslashes: 0, opening: 0, closing: 0, controls: 0 };
        for (quarter, bytes) in block.as_chunks::<16>().0.iter().enumerate() {
            let vector = u8x16::from(*bytes);
            let folded = vector | u8x16::splat(CASE);
            let find = |vector: u8x16, wanted: u8| {
                u64::from(vector.simd_eq(u8x16::splat(wanted)).to_bitmask()) << (quarter * 16)
            };
            masks.quotes |= find(vector, b'"');
            masks.backslashes |= find(vector, b'\\');
            masks.opening |= find(folded, b'{');
            masks.closing |= find(folded, b'}');
            // A byte is at most 0x1f where the maximum of the two is 0x1f.
            masks.controls |= find(vector.max(u8x16::splat(0x1f)), 0x1f);
        }
        masks
    }
}

/// Finds strings in a sequence of blocks.
#[derive(Default)]
pub(super) struct Strings {
    /// All ones when the previous block ended inside a string.
    in_string: u64,
    /// One when the previous block ended in a backslash that escapes the first byte of the next.
    is_escaped: u64,
}

impl Strings {
    /// The quotes of the block that begin or end a string, and the bytes from an opening quote to before the closing one.
    #[inline]
    pub(super) fn next(&mut self, masks: &Masks) -> (u64, u64) {
        let quotes = masks.quotes & !self.escaped(masks.backslashes);
        let inside = prefix_xor(quotes) ^ self.in_string;
        self.in_string = (inside as i64 >> 63) as u64;
        (quotes, inside)
    }

    /// The bytes that are escaped by a backslash before them.
    ///
    /// In a run of backslashes every second one is escaped; adding the starts of runs carries through them and shows
    /// where they end, at an odd or an even position.
    #[inline]
    fn escaped(&mut self, backslashes: u64) -> u64 {
        const EVEN: u64 = 0x5555_5555_5555_5555;
        if backslashes == 0 {
            return std::mem::take(&mut self.is_escaped);
        }
        let backslashes = backslashes & !self.is_escaped;
        let follows = backslashes << 1 | self.is_escaped;
        let odd_starts = backslashes & !EVEN & !follows;
        let (even_ends, carries) = odd_starts.overflowing_add(backslashes);
        self.is_escaped = u64::from(carries);
        (EVEN ^ (even_ends << 1)) & follows
    }
}

/// Each bit becomes the parity of itself and all bits below it: ones from an opening quote to before its closing one.
#[inline]
const fn prefix_xor(mut bits: u64) -> u64 {
    bits ^= bits << 1;
    bits ^= bits << 2;
    bits ^= bits << 4;
    bits ^= bits << 8;
    bits ^= bits << 16;
    bits ^ bits << 32
}

#[cfg(target_arch = "x86_64")]
pub(super) mod x86 {
    //! [`Masks`] with the vectors of x86-64.

    use std::arch::x86_64::{
        __m256i, __m512i, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_max_epu8, _mm256_movemask_epi8,
        _mm256_or_si256, _mm256_set1_epi8, _mm512_cmpeq_epi8_mask, _mm512_cmple_epu8_mask, _mm512_loadu_si512,
        _mm512_or_si512, _mm512_set1_epi8,
    };

    use super::{BLOCK, CASE, Masks};

    /// With AVX2 (2013).
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(in super::super) fn avx2(block: &[u8; BLOCK]) -> Masks {
        let mut masks = Masks { quotes: 0, backslashes: 0, opening: 0, closing: 0, controls: 0 };
        for (half, bytes) in block.as_chunks::<32>().0.iter().enumerate() {
            #[expect(unsafe_code, reason = "the standard library loads vectors from pointers only")]
            // SAFETY: `bytes` is 32 bytes long, and this load requires no alignment.
            let vector = unsafe { _mm256_loadu_si256(std::ptr::from_ref(bytes).cast()) };
            let folded = _mm256_or_si256(vector, _mm256_set1_epi8(CASE as i8));
            let find = |vector: __m256i, wanted: u8| {
                let equal = _mm256_cmpeq_epi8(vector, _mm256_set1_epi8(wanted as i8));
                u64::from(_mm256_movemask_epi8(equal) as u32) << (half * 32)
            };
            masks.quotes |= find(vector, b'"');
            masks.backslashes |= find(vector, b'\\');
            masks.opening |= find(folded, b'{');
            masks.closing |= find(folded, b'}');
            masks.controls |= find(_mm256_max_epu8(vector, _mm256_set1_epi8(0x1f)), 0x1f);
        }
        masks
    }

    /// With AVX-512BW (2017).
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(in super::super) fn avx512(block: &[u8; BLOCK]) -> Masks {
        #[expect(unsafe_code, reason = "the standard library loads vectors from pointers only")]
        // SAFETY: `block` is 64 bytes long, and this load requires no alignment.
        let vector = unsafe { _mm512_loadu_si512(std::ptr::from_ref(block).cast()) };
        let folded = _mm512_or_si512(vector, _mm512_set1_epi8(CASE as i8));
        let find = |vector: __m512i, wanted: u8| _mm512_cmpeq_epi8_mask(vector, _mm512_set1_epi8(wanted as i8));
        Masks {
            quotes: find(vector, b'"'),
            backslashes: find(vector, b'\\'),
            opening: find(folded, b'{'),
            closing: find(folded, b'}'),
            controls: _mm512_cmple_epu8_mask(vector, _mm512_set1_epi8(0x1f)),
        }
    }
}

/// Compiles a scan for several instruction sets and calls the best at run time.
///
/// `fn name(arguments) -> result = scan;` makes a function of `scan`, which takes the same arguments and a function that
/// makes [`Masks`], and is to be inlined.
macro_rules! scans {
    ($(#[$attribute:meta])* $visible:vis fn $name:ident($($argument:ident: $kind:ty),*) -> $result:ty = $scan:path;) => {
        $(#[$attribute])*
        $visible fn $name($($argument: $kind),*) -> $result {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,bmi1,bmi2,lzcnt,popcnt")]
                fn avx512($($argument: $kind),*) -> $result {
                    $scan($($argument,)* |block| $crate::json::masks::x86::avx512(block))
                }
                #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
                fn avx2($($argument: $kind),*) -> $result {
                    $scan($($argument,)* |block| $crate::json::masks::x86::avx2(block))
                }
                let has_bits = is_x86_feature_detected!("bmi1")
                    && is_x86_feature_detected!("bmi2")
                    && is_x86_feature_detected!("lzcnt")
                    && is_x86_feature_detected!("popcnt");
                let has_avx512 = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw");
                if has_bits && has_avx512 {
                    #[expect(unsafe_code, reason = "three times as fast as what every processor can do")]
                    // SAFETY: the processor has all features that the function was compiled for.
                    return unsafe { avx512($($argument),*) };
                }
                if has_bits && is_x86_feature_detected!("avx2") {
                    #[expect(unsafe_code, reason = "twice as fast as what every processor can do")]
                    // SAFETY: the processor has all features that the function was compiled for.
                    return unsafe { avx2($($argument),*) };
                }
            }
            $scan($($argument,)* $crate::json::masks::Masks::portable)
        }
    };
}

pub(super) use scans;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::Random;

    #[test]
    fn every_instruction_set_finds_the_same() {
        let mut random = Random::new(0x2545_f491_4f6c_dd1d);
        let alphabet: Vec<u8> = b"{}[]\"\\:, \0\x1f\x20\n\x7f\x80\xffaB\x5b\x7b\x5d\x7d\x1b\x3b\x1d".to_vec();
        for _ in 0..10_000 {
            let block: [u8; BLOCK] = std::array::from_fn(|_| match random.below(3) {
                0 => random.next().to_le_bytes()[0],
                _ => alphabet[random.pick(alphabet.len())],
            });
            let bits = |is: fn(u8) -> bool| (0..BLOCK).fold(0, |all, at| all | u64::from(is(block[at])) << at);
            let expected = [
                bits(|byte| byte == b'"'),
                bits(|byte| byte == b'\\'),
                bits(|byte| matches!(byte, b'{' | b'[')),
                bits(|byte| matches!(byte, b'}' | b']')),
                bits(|byte| byte < 0x20),
            ];
            let check = |masks: Masks, way: &str| {
                let Masks { quotes, backslashes, opening, closing, controls } = masks;
                let found = [quotes, backslashes, opening, closing, controls];
                assert_eq!(found, expected, "{way}: {block:?}");
            };
            check(Masks::portable(&block), "portable");
            #[cfg(target_arch = "x86_64")]
            {
                if is_x86_feature_detected!("avx2") {
                    #[expect(unsafe_code, reason = "the functions under test")]
                    // SAFETY: the processor has it.
                    check(unsafe { x86::avx2(&block) }, "avx2");
                }
                if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw") {
                    #[expect(unsafe_code, reason = "the functions under test")]
                    // SAFETY: the processor has it.
                    check(unsafe { x86::avx512(&block) }, "avx512");
                }
            }
        }
    }
}
