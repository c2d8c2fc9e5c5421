//! What the fuzz targets share: the slow reference of the tests, inputs that are more than bytes, and the comparison.
//!
//! Every target takes arbitrary bytes and fails on the first difference from what somebody else makes of them: the
//! reference, `flate2`, `jiff`, or the program itself on another way. See `run.sh` for how to run them.

/// Linted where it belongs, with the tests, which use all of it.
#[allow(dead_code, unreachable_pub, clippy::all, clippy::pedantic)]
#[path = "../../it/reference/mod.rs"]
pub mod reference;

pub mod compare;
pub mod json;

use std::cell::RefCell;

use trailmill::schema::Table;
use trailmill::stages::ArchiveConverter;

/// Name of every archive.
pub const URI: &str = "file:///fuzz.json.gz";

thread_local! {
    static CONVERTER: RefCell<ArchiveConverter> =
        RefCell::new(ArchiveConverter::new(&[Table::Events, Table::UsageRecords]));
    static USAGE_CONVERTER: RefCell<ArchiveConverter> = RefCell::new(ArchiveConverter::new(&[Table::UsageRecords]));
}

/// Lends out the one converter of this process: a worker has one for all its archives, too.
pub fn with_converter<R>(work: impl FnOnce(&mut ArchiveConverter) -> R) -> R {
    CONVERTER.with_borrow_mut(work)
}

/// Lends out a converter of usage records alone, which leaves unread what cannot hold any.
pub fn with_usage_converter<R>(work: impl FnOnce(&mut ArchiveConverter) -> R) -> R {
    USAGE_CONVERTER.with_borrow_mut(work)
}

/// The text of an input: behind a zero byte a tape that an archive is drawn from, otherwise itself.
pub fn archive_text(data: &[u8]) -> Vec<u8> {
    match data.split_first() {
        Some((0, tape)) => {
            let words: Vec<u16> = tape.as_chunks().0.iter().map(|word| u16::from_le_bytes(*word)).collect();
            reference::strategies::archive_of(&words).into_bytes()
        }
        _ => data.to_vec(),
    }
}

/// Sizes of windows that follow from a text alone, so that an input always fails in the same way; mostly small, but a
/// piece that has not ended is looked at again with every window, so that long texts come in larger ones.
pub fn window_sizes(text: &[u8]) -> impl FnMut() -> usize + use<> {
    let scale = 1 + text.len() / 8_192;
    let mut state = text
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
        | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let most = [2, 16, 200, 3_000][(state >> 40) as usize % 4] * scale;
        (state >> 20) as usize % most
    }
}
