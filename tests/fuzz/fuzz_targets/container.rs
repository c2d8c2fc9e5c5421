//! Files to text: the small way and the large one against each other and against flate2.
#![no_main]

use std::cell::RefCell;
use std::io::{Read, Write};
use std::path::PathBuf;

use arbitrary::{Arbitrary, Unstructured};
use flate2::read::MultiGzDecoder;
use flate2::{Compression, GzBuilder};
use libfuzzer_sys::fuzz_target;
use trailmill::error::Reason;
use trailmill::stages::{ArchiveInflater, InflatedFile, LargeFile, inflate_any};

/// Text that is inflated at most.
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
    /// All that stands before is packed once more.
    Pack {
        is_zstd: bool,
    },
    Bytes(&'a [u8]),
    Zeros(u8),
    /// Some bytes from before once more.
    Again {
        at: u16,
        length: u8,
    },
    Flip {
        at: u16,
        bit: u8,
    },
    Cut(u8),
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
                    encoder.write_all(text).expect("memory");
                }
                file = encoder.finish().expect("memory");
                if *has_header_crc {
                    // Says that two bytes more follow the header, which mostly makes it wrong.
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
            Piece::Cut(count) => file.truncate(file.len().saturating_sub(usize::from(*count))),
        }
    }
    file
}

fn frame(text: &[u8], has_checksum: bool) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("memory");
    encoder.include_checksum(has_checksum).expect("memory");
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

/// Whether the oracle cannot speak of a file: it only knows gzip, once, and no UTF-16.
fn is_beyond_oracle(stored: &[u8]) -> bool {
    let has = |bytes: &[u8], word: &[u8]| bytes.windows(word.len()).any(|window| window == word);
    let is_packed = |bytes: &[u8]| bytes.starts_with(b"\x1f\x8b");
    let has_frames = |bytes: &[u8]| has(bytes, b"\x28\xb5\x2f\xfd") || has(bytes, b"\x2a\x4d\x18");
    let text = oracle(stored).0;
    let is_utf16 = |bytes: &[u8]| bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    has_frames(stored) || has_frames(&text) || (is_packed(stored) && is_packed(&text)) || is_utf16(stored) || is_utf16(&text)
}

struct Ways {
    inflater: ArchiveInflater,
    large: LargeFile,
    path: PathBuf,
    _file: tempfile::NamedTempFile,
}

thread_local! {
    static WAYS: RefCell<Ways> = RefCell::new({
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let path = file.path().to_owned();
        Ways { inflater: ArchiveInflater::default(), large: LargeFile::at(&path).expect("the file"), path, _file: file }
    });
}

fuzz_target!(|data: &[u8]| {
    // Behind a zero byte come pieces, anything else is a file.
    let stored = match data.split_first() {
        Some((0, rest)) => file(&Vec::arbitrary_take_rest(Unstructured::new(rest)).unwrap_or_default()),
        _ => data.to_vec(),
    };
    WAYS.with_borrow_mut(|ways| check(ways, &stored));
});

fn check(ways: &mut Ways, stored: &[u8]) {
    let small = inflate_any(&mut ways.inflater, stored, LIMIT);
    std::fs::write(&ways.path, stored).expect("a file");
    for step in [1 + stored.len() * 7 % 5_000, 1 << 20] {
        let large = ways.large.inflate(stored.len() as u64, LIMIT as u64, step).expect("a readable file");
        // How much text comes before wrong bits are found depends on how much is asked for at a time.
        let is_any_corrupt = [&small, &large].into_iter().any(is_corrupt);
        if is_any_corrupt && (small == InflatedFile::TooLarge) != (large == InflatedFile::TooLarge) {
            continue;
        }
        // Of a file that is packed twice, a stream comes to what is wrong inside before what is wrong outside, and keeps the
        // members before that, whose checksums are right.
        if is_beyond_oracle(stored) && is_corrupt(&small) && is_corrupt(&large) {
            continue;
        }
        assert_eq!(small, large, "small, and large with {step} bytes at a time");
    }
    if is_beyond_oracle(stored) {
        return;
    }
    let InflatedFile::Text(text, finding) = small else {
        let text_bytes = if stored.starts_with(b"\x1f\x8b") { oracle(stored).0.len() } else { stored.len() };
        assert!(text_bytes > LIMIT, "{text_bytes} bytes of text are too much");
        return;
    };
    assert!(text.len() <= LIMIT);
    let reason = finding.map(|finding| finding.reason);
    if !stored.starts_with(b"\x1f\x8b") {
        assert_eq!((text.as_slice(), reason), (stored, None), "not gzip");
        return;
    }
    let (all, is_sound) = oracle(stored);
    match reason {
        None => {
            // Zeros behind the last member are padding; flate2 takes them for a broken one.
            let is_padded = stored.ends_with(b"\0");
            assert!(is_sound || is_padded, "damage was overlooked");
            assert_eq!(text, all);
        }
        Some(Reason::GzipTrailingGarbage | Reason::GzipTruncated) => {
            assert!(!is_sound, "{reason:?}");
            assert_eq!(text, all, "{reason:?}");
        }
        Some(Reason::GzipCorrupt) => {
            assert!(!is_sound && all.starts_with(&text));
        }
        other => panic!("{other:?}"),
    }
}

fn is_corrupt(file: &InflatedFile) -> bool {
    let is_corrupt = |reason| matches!(reason, Reason::GzipCorrupt | Reason::ZstdCorrupt);
    matches!(file, InflatedFile::Text(_, Some(finding)) if is_corrupt(finding.reason))
}

/// The text as far as flate2 reads it, with little more than the limit, and whether it came to a good end.
fn oracle(stored: &[u8]) -> (Vec<u8>, bool) {
    let mut text = Vec::new();
    let is_sound = MultiGzDecoder::new(stored).take(LIMIT as u64 + 1).read_to_end(&mut text).is_ok();
    (text, is_sound)
}
