//! Zips to members: those that the slow reference finds are listed, and nothing is passed over without a word.
#![no_main]

use std::cell::RefCell;
use std::path::PathBuf;

use libfuzzer_sys::fuzz_target;
use trailmill::stages::list_zip;
use trailmill_fuzz::reference::strategies::zips::zip_of;
use trailmill_fuzz::reference::zip::reference_zip;

thread_local! {
    static FILE: RefCell<(PathBuf, tempfile::NamedTempFile)> = RefCell::new({
        let file = tempfile::NamedTempFile::with_suffix(".zip").expect("a temporary file");
        (file.path().to_owned(), file)
    });
}

fuzz_target!(|data: &[u8]| {
    // Behind a zero byte comes a tape that zips are drawn from, anything else is a file.
    match data.split_first() {
        Some((0, tape)) => {
            let words: Vec<u16> = tape.as_chunks().0.iter().map(|word| u16::from_le_bytes(*word)).collect();
            let zip = zip_of(&words);
            let (members, is_told) = list(&zip.bytes);
            if !zip.is_flipped {
                let reference = reference_zip(&zip.bytes);
                let mut wanted: Vec<String> = reference.members.into_iter().map(|(name, _)| name).collect();
                wanted.sort();
                assert_eq!((members, is_told), (wanted, reference.is_damaged));
            }
        }
        _ => drop(list(data)),
    }
});

/// Names of the members, and whether damage is told.
fn list(zip: &[u8]) -> (Vec<String>, bool) {
    FILE.with_borrow(|(path, _)| {
        std::fs::write(path, zip).expect("a file");
        let listing = list_zip(path).expect("a readable file");
        // A zip that has become something else has none.
        let Some((mut members, findings)) = listing else { return (Vec::new(), true) };
        members.sort();
        (members, findings > 0)
    })
}
