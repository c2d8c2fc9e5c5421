//! Zips to members: those that the slow reference finds are listed, and nothing is skipped silently.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trailmill_fuzz::list_zip;
use trailmill_fuzz::reference::strategies::zips::zip_of;
use trailmill_fuzz::reference::zip::reference_zip;

fuzz_target!(|data: &[u8]| {
    // After a zero byte comes a tape that zips are drawn from, anything else is a file.
    match data.split_first() {
        Some((0, tape)) => {
            let words: Vec<u16> = tape.as_chunks().0.iter().map(|word| u16::from_le_bytes(*word)).collect();
            let zip = zip_of(&words);
            let (members, is_reported) = list_zip(&zip.bytes);
            if !zip.is_flipped {
                let reference = reference_zip(&zip.bytes);
                let mut wanted: Vec<String> = reference.members.into_iter().map(|(name, _)| name).collect();
                wanted.sort();
                assert_eq!((members, is_reported), (wanted, reference.is_damaged));
            }
        }
        _ => drop(list_zip(data)),
    }
});
