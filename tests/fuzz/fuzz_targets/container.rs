//! Files to text: the code paths for small and large files against each other and against flate2.
#![no_main]

use std::io::{Read, Write};

use arbitrary::{Arbitrary, Unstructured};
use flate2::read::MultiGzDecoder;
use flate2::{Compression, GzBuilder};
use libfuzzer_sys::fuzz_target;
use trailmill::error::Reason;
use trailmill::reader::{Decoder, ReadOptions};
use trailmill_fuzz::compare::check_same;
use trailmill_fuzz::{Decoded, decode_by};

/// The most text that is inflated.
const LIMIT: usize = 64 << 10;

/// A piece of a file. Bytes alone would hardly ever have the right checksum.
#[derive(Arbitrary, Debug)]
enum Piece<'a> {
    Member {
        text: &'a [u8],
        times: u8,
        level: u8,
        name: Option<&'a [u8]>,
        extra: Option<&'a [u8]>,
        has_header_crc: bool,
    },
    Frame {
        text: &'a [u8],
        has_checksum: bool,
    },
    /// Everything before is compressed once more.
    Pack {
        is_zstd: bool,
    },
    Bytes(&'a [u8]),
    Zeros(u8),
    /// Some earlier bytes repeated.
    Again {
        at: u16,
        length: u8,
    },
    Flip {
        at: u16,
        bit: u8,
    },
    Next(u8),
}

fn file(pieces: &[Piece<'_>]) -> Vec<u8> {
    let mut file = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Member { text, times, level, name, extra, has_header_crc } => {
                let mut builder = GzBuilder::new();
                if let Some(name) = name {
                    builder = builder.filename(name.iter().map(|byte| byte | 1).collect::<Vec<_>>());
                }
                if let Some(extra) = extra {
                    builder = builder.extra(extra.to_vec());
                }
                let start = file.len();
                let mut encoder = builder.write(file, Compression::new(u32::from(level % 10)));
                for _ in 0..1_u32 << (times % 10) {
                    encoder.write_all(&document(text)).expect("memory");
                }
                file = encoder.finish().expect("memory");
                if *has_header_crc {
                    // Announces two more bytes after the header, which mostly makes it invalid.
                    file[start + 3] |= 2;
                }
            }
            Piece::Frame { text, has_checksum } => file.extend(frame(text, *has_checksum)),
            Piece::Pack { is_zstd: true } => file = frame(&file, true),
            Piece::Pack { is_zstd: false } => {
                let mut encoder = GzBuilder::new().write(Vec::new(), Compression::fast());
                encoder.write_all(&file).expect("memory");
                file = encoder.finish().expect("memory");
            }
            Piece::Bytes(bytes) => file.extend_from_slice(bytes),
            Piece::Zeros(count) => file.resize(file.len() + usize::from(*count), 0),
            Piece::Again { at, length } => {
                let at = usize::from(*at).min(file.len());
                let end = file.len().min(at + usize::from(*length));
                file.extend_from_within(at..end);
            }
            Piece::Flip { at, bit } => {
                let at = usize::from(*at);
                if let Some(byte) = file.get_mut(at) {
                    *byte ^= 1 << (bit % 8);
                }
            }
            Piece::Next(count) => file.truncate(file.len().saturating_sub(usize::from(*count))),
        }
    }
    file
}

/// Mostly a document with an event, else the bytes themselves.
fn document(text: &[u8]) -> Vec<u8> {
    if text.len() % 4 == 3 {
        return text.to_vec();
    }
    let name = serde_json::Value::from(String::from_utf8_lossy(text)).to_string();
    format!("{{\"Records\":[{{\"eventVersion\":\"1.08\",\"eventName\":{name}}}]}}").into_bytes()
}

fn frame(text: &[u8], has_checksum: bool) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("memory");
    encoder.include_checksum(has_checksum).expect("memory");
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

/// Whether the oracle does not cover a file: it only knows one layer of gzip, and no UTF-16.
fn is_beyond_oracle(stored: &[u8]) -> bool {
    let has = |bytes: &[u8], word: &[u8]| bytes.windows(word.len()).any(|window| window == word);
    let is_packed = |bytes: &[u8]| bytes.starts_with(b"\x1f\x8b");
    let has_frames = |bytes: &[u8]| has(bytes, b"\x28\xb5\x2f\xfd") || has(bytes, b"\x2a\x4d\x18");
    let text = oracle(stored).0;
    let is_utf16 = |bytes: &[u8]| bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    has_frames(stored) || has_frames(&text) || (is_packed(stored) && is_packed(&text)) || is_utf16(stored) || is_utf16(&text)
}

fuzz_target!(|data: &[u8]| {
    // After a zero byte come pieces, anything else is a file.
    let stored = match data.split_first() {
        Some((0, rest)) => file(&Vec::arbitrary_take_rest(Unstructured::new(rest)).unwrap_or_default()),
        _ => data.to_vec(),
    };
    check(&stored);
});

/// Decodes a file with limits on its text and on the bytes of a segment.
fn in_segments(stored: &[u8], bytes: usize) -> Decoded {
    let mut options = ReadOptions::default().segment_bytes(bytes);
    options.max_inflated_bytes = LIMIT as u64;
    decode_by(&mut Decoder::new(&options).expect("options that make sense"), stored)
}

fn check(stored: &[u8]) {
    let small = in_segments(stored, LIMIT);
    for bytes in [1 + stored.len() * 7 % 500, LIMIT / 9] {
        let large = in_segments(stored, bytes);
        // How much text comes before wrong bits are found depends on the size of reads.
        let is_any_corrupt = [&small, &large].into_iter().any(|file| has(file, is_corrupt));
        let is_too_large = |file: &Decoded| has(file, |reason| reason == Reason::InflatedTooLarge);
        if is_any_corrupt && is_too_large(&small) != is_too_large(&large) {
            continue;
        }
        // In a file that is compressed twice, a stream finds inner damage before outer damage, and keeps the members before
        // that, whose checksums are right.
        if is_beyond_oracle(stored) && has(&small, is_corrupt) && has(&large, is_corrupt) {
            continue;
        }
        check_same(&small, &large, "small, and large");
    }
    if is_beyond_oracle(stored) || !stored.starts_with(b"\x1f\x8b") {
        return;
    }
    let (all, is_sound) = oracle(stored);
    if has(&small, |reason| reason == Reason::InflatedTooLarge) {
        assert!(all.len() > LIMIT, "{} bytes of text are too much", all.len());
        return;
    }
    // Damage of the compression comes after all defects of its text.
    let damage = small.findings.iter().map(|finding| finding.reason).rfind(|reason| is_of_gzip(*reason));
    let text = in_segments(&all, LIMIT);
    match damage {
        None => {
            // Zeros after the last member are padding; flate2 takes them for a broken one.
            let is_padded = stored.ends_with(b"\0");
            assert!(is_sound || is_padded, "damage was overlooked");
            check_same(&small, &text, "packed and not");
        }
        Some(reason) => {
            assert!(!is_sound, "{reason:?}");
            let is_all = !is_corrupt(reason);
            assert!(!is_all || small.events == text.events, "{reason:?}");
            assert!(small.events.len() <= text.events.len(), "{reason:?}");
        }
    }
}

fn has(file: &Decoded, is: impl Fn(Reason) -> bool) -> bool {
    file.findings.iter().any(|finding| is(finding.reason))
}

fn is_of_gzip(reason: Reason) -> bool {
    matches!(reason, Reason::GzipCorrupt | Reason::GzipTruncated | Reason::GzipTrailingGarbage)
}

fn is_corrupt(reason: Reason) -> bool {
    matches!(reason, Reason::GzipCorrupt | Reason::ZstdCorrupt)
}

/// The text as far as flate2 reads it, up to a little beyond the limit, and whether it ended without an error.
fn oracle(stored: &[u8]) -> (Vec<u8>, bool) {
    let mut text = Vec::new();
    let is_sound = MultiGzDecoder::new(stored).take(LIMIT as u64 + 1).read_to_end(&mut text).is_ok();
    (text, is_sound)
}
