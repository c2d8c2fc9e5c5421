//! A copy that is made from a seed: what CloudTrail has delivered, and how it was tampered with since.
//!
//! In: a seed. Out: files by path, and what is known about each log file. Never: a digest file signed with CloudTrail's keys
//! that CloudTrail would not write.

use std::collections::{BTreeMap, BTreeSet};

use crate::digests::{Bucket, FIRST_END, HOUR, Key, Trail, sha256, time};
use crate::harness::{event, gzip, inflated, records};

/// Seconds from the minute in a log file's name to its delivery, at most.
pub const LATEST_DELIVERY: i64 = 15 * 60;

/// A copy.
pub struct World {
    pub files: BTreeMap<String, Vec<u8>>,
    /// The available public keys.
    pub keys: Vec<Key>,
    pub trails: Vec<WorldTrail>,
    /// What is known about log files in their original place, by path.
    pub logs: BTreeMap<String, Log>,
    /// What was done to it.
    pub deeds: Vec<String>,
    /// Trails with a forged digest file.
    pub forged: BTreeSet<usize>,
    random: Random,
    /// Whether different buckets and prefixes were copied to one folder.
    is_merged: bool,
    /// Signatures by path.
    signatures: BTreeMap<String, String>,
}

/// A trail in one account and Region.
pub struct WorldTrail {
    trail: Trail,
    pub has_backfill: bool,
}

/// A log file.
#[derive(Clone)]
pub struct Log {
    /// Its trail, or the one among whose files it was planted.
    pub trail: usize,
    /// In its name.
    pub minute: i64,
    /// How it was planted; `None` when it was delivered.
    pub plant: Option<Plant>,
    /// Whether a backfill digest file declares it.
    pub is_late: bool,
}

/// How a log file was planted.
#[derive(Clone, Copy, Debug)]
pub enum Plant {
    /// In the place where its trail delivers.
    AmongOthers,
    /// In the same place, with a time in its name from another day than its folder's.
    OfAnotherDay,
    /// Below a folder that no trail delivers to.
    InAFolderOfItsOwn,
}

impl WorldTrail {
    /// A text that only the names of its digest files contain.
    pub fn mark(&self) -> String {
        let Trail { account, region, name, .. } = &self.trail;
        let number = account.rsplit('/').next().unwrap_or_default();
        format!("/{number}_CloudTrail-Digest_{region}_{name}_")
    }
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let is_merged = random.one_in(3);
        let mut world = Self {
            files: BTreeMap::new(),
            keys: vec![Key::East, Key::West],
            trails: Vec::new(),
            logs: BTreeMap::new(),
            deeds: Vec::new(),
            forged: BTreeSet::new(),
            random,
            is_merged,
            signatures: BTreeMap::new(),
        };
        for number in 0..=world.random.below(3) {
            world.deliver(number);
        }
        // Some copies keep all signatures, most keep none.
        let keeps = world.random.one_in(4);
        if !world.random.one_in(3) {
            for _ in 0..=world.random.below(3) {
                world.tamper();
            }
        }
        if world.random.one_in(8) {
            world.keys.pop();
            world.deeds.push("the public key of eu-west-1 is not at hand".to_owned());
        }
        // Output of a failed command is no signature.
        for path in world.signatures.keys().cloned().collect::<Vec<_>>() {
            if world.random.one_in(8) {
                let text = world.random.pick(&["", "junk", "{}"]).as_bytes().to_vec();
                world.files.insert(format!("{path}.metadata.json"), text);
            }
        }
        for (path, signature) in std::mem::take(&mut world.signatures) {
            if keeps && world.files.contains_key(&path) {
                world.files.insert(format!("{path}.signature"), signature.into_bytes());
            }
        }
        world
    }

    /// Everything that a trail has delivered until now.
    fn deliver(&mut self, number: u64) {
        let random = &mut self.random;
        let account = random.pick(&["111122223333", "111122223333", "o-abcdefghij/444455556666"]);
        let region = random.pick(&["us-east-1", "us-east-1", "eu-west-1"]);
        let mut trail = Trail {
            name: format!("trail{number}"),
            bucket: (*random.pick(&["one", "one", "two"])).to_owned(),
            prefix: (*random.pick(&["", "", "p/", "AWSLogs/"])).to_owned(),
            // Digest files come every hour, at some second of it.
            end: FIRST_END + random.below(3_600).cast_signed(),
            ..Trail::new(account, region)
        };
        let at = self.trails.len();
        let mut bucket = Bucket::default();
        let mut logs = Vec::new();
        // A log file is named after the minute of its first event.
        let mut log = |random: &mut Random, trail: &Trail, bucket: &mut Bucket, delivered: i64| {
            let minute = (delivered - random.below(600).cast_signed()) / 60 * 60;
            let folder = random.pick(&["CloudTrail", "CloudTrail", "CloudTrail-Insight"]);
            let key = trail.log_key(folder, minute, &format!("{number}x{:013}", random.below(1 << 40)));
            bucket.objects.insert(key.clone(), gzip(records(&[event(&key, "")]).as_bytes()));
            logs.push((key.clone(), minute));
            key
        };
        // Before validation was turned on.
        for _ in 0..random.below(3) {
            let early = trail.end - HOUR - 1 - random.below(4_000).cast_signed();
            log(random, &trail, &mut bucket, early);
        }
        let segments = 1 + random.below(3) / 2;
        for segment in 0..segments {
            if segment > 0 {
                // Validation was turned off; logging may go on.
                let hours = 1 + random.below(5).cast_signed();
                for _ in 0..random.below(3) {
                    let second = trail.end - HOUR + random.below(hours.unsigned_abs() * 3_600).cast_signed();
                    log(random, &trail, &mut bucket, second);
                }
                trail.previous = None;
                trail.end += hours * HOUR;
            }
            for _ in 0..2 + random.below(4) {
                if random.one_in(4) {
                    // Keys change, and those of a Region overlap.
                    trail.key = if trail.key == Key::East { Key::West } else { Key::East };
                    trail.fingerprint = trail.key.fingerprint();
                }
                let declared: Vec<String> = (0..random.below(4))
                    .map(|_| {
                        let second = trail.end - HOUR + random.below(3_600).cast_signed();
                        log(random, &trail, &mut bucket, second)
                    })
                    .collect();
                trail.digest(&mut bucket, &declared, |_| {});
            }
        }
        let has_backfill = random.one_in(4);
        let mut late = BTreeSet::new();
        if has_backfill {
            let end = trail.end - HOUR * (2 + random.below(2).cast_signed());
            let mut backfill = Trail { is_backfill: true, previous: None, end, ..trail.clone() };
            for _ in 0..2 {
                backfill.end += random.below(2).cast_signed() * HOUR;
                let second = backfill.end - HOUR + random.below(3_600).cast_signed();
                let key = log(random, &backfill, &mut bucket, second);
                backfill.digest(&mut bucket, std::slice::from_ref(&key), |_| {});
                late.insert(key);
            }
        }
        // After the newest digest file.
        for _ in 0..random.below(3) {
            let second = trail.end - HOUR + random.below(2_700).cast_signed();
            log(random, &trail, &mut bucket, second);
        }
        let root = self.root_of(&trail);
        let path = |key: &str| format!("{root}{}", key.strip_prefix(&trail.prefix).expect("the prefix"));
        self.logs.extend(logs.iter().map(|(key, minute)| {
            (path(key), Log { trail: at, minute: *minute, plant: None, is_late: late.contains(key) })
        }));
        self.signatures.extend(bucket.signatures.iter().map(|(key, signature)| (path(key), signature.clone())));
        self.files.extend(bucket.objects.iter().map(|(key, stored)| (path(key), stored.clone())));
        self.trails.push(WorldTrail { trail, has_backfill });
    }

    /// The path before `AWSLogs/` in the copy.
    fn root_of(&self, trail: &Trail) -> String {
        if self.is_merged { String::new() } else { format!("{}/{}", trail.bucket, trail.prefix) }
    }

    /// Trails that deliver to the folder, account and Region of a log file.
    pub fn trails_of(&self, log: &Log) -> impl Iterator<Item = &WorldTrail> {
        let of = &self.trails[log.trail].trail;
        let root = self.root_of(of);
        self.trails.iter().filter(move |it| {
            (&it.trail.account, &it.trail.region) == (&of.account, &of.region) && self.root_of(&it.trail) == root
        })
    }

    /// Trails of the account and Region of a log file.
    pub fn trails_of_area(&self, log: &Log) -> impl Iterator<Item = &WorldTrail> {
        let of = &self.trails[log.trail].trail;
        self.trails.iter().filter(|it| (&it.trail.account, &it.trail.region) == (&of.account, &of.region))
    }

    /// Tampers with the copy.
    fn tamper(&mut self) {
        let digests: Vec<String> = self.files.keys().filter(|path| path.contains("-Digest_")).cloned().collect();
        let logs: Vec<String> = self.files.keys().filter(|path| !path.contains("-Digest_")).cloned().collect();
        if digests.is_empty() || logs.is_empty() {
            return;
        }
        let digest = self.random.pick(&digests).clone();
        let log = self.random.pick(&logs).clone();
        let deed = match self.random.below(12) {
            0 => self.change(&log, "log file"),
            1 => self.change(&digest, "digest file"),
            2 => self.remove(&[log]),
            3 => self.remove(&[digest]),
            4 => self.remove_end(&digest, true),
            5 => self.remove_end(&digest, false),
            6 => self.swap(&digests, &digest),
            7 => self.forge(),
            8 => self.sign_again(&digest),
            9 => {
                let stored = inflated_or(&self.files[&digest]);
                self.files.insert(digest.clone(), stored);
                format!("gunzipped {digest}")
            }
            _ => self.plant(),
        };
        self.deeds.push(deed);
    }

    /// Changes how a file is stored, or its text.
    fn change(&mut self, path: &str, what: &str) -> String {
        let stored = &self.files[path];
        let text = inflated_or(stored);
        let (deed, changed) = match self.random.below(9) {
            0 => ("cut", stored[..stored.len() / 2].to_vec()),
            1 => ("emptied", Vec::new()),
            2 => ("beheaded", stored[2.min(stored.len())..].to_vec()),
            3 => ("lengthened by zeros", [stored.clone(), vec![0; 9]].concat()),
            4 => ("lengthened by a member", [stored.clone(), gzip(b"{\"Records\":[]}")].concat()),
            5 => ("packed twice", gzip(stored)),
            6 => ("packed anew", gzip(&text)),
            7 => ("changed at a digit", gzip(&changed_digit(&text))),
            _ => ("split over members", [gzip(&text[..text.len() / 2]), gzip(&text[text.len() / 2..])].concat()),
        };
        self.files.insert(path.to_owned(), changed);
        format!("{deed}: {what} {path}")
    }

    fn remove(&mut self, paths: &[String]) -> String {
        for path in paths {
            self.files.remove(path);
            self.logs.remove(path);
        }
        format!("removed {paths:?}")
    }

    /// Removes the oldest or newest digest files of a chain.
    fn remove_end(&mut self, digest: &str, is_oldest: bool) -> String {
        let chain = digest.rsplit_once("_2").map(|(chain, _)| chain.to_owned()).unwrap_or_default();
        let name = chain.rsplit('/').next().unwrap_or_default().to_owned();
        let is_backfill = digest.contains("_backfill");
        let is_of_chain =
            |path: &&String| path.contains(&format!("{name}_2")) && path.contains("_backfill") == is_backfill;
        let mut all: Vec<String> = self.files.keys().filter(is_of_chain).cloned().collect();
        all.sort_by_key(|path| path.rsplit('_').find(|part| part.starts_with('2')).map(str::to_owned));
        if !is_oldest {
            all.reverse();
        }
        let count = usize::try_from(1 + self.random.below(3)).unwrap_or(1);
        all.truncate(count);
        self.remove(&all)
    }

    fn swap(&mut self, digests: &[String], one: &str) -> String {
        let two = self.random.pick(digests).clone();
        let (Some(first), Some(second)) = (self.files.get(one).cloned(), self.files.get(&two).cloned()) else {
            return String::new();
        };
        self.files.insert(one.to_owned(), second);
        self.files.insert(two.clone(), first);
        format!("swapped {one} and {two}")
    }

    /// A digest file signed with a foreign key, after the newest or among others, that declares a planted log file.
    fn forge(&mut self) -> String {
        let at = self.random.index(self.trails.len());
        let mut trail = self.trails[at].trail.clone();
        trail.key = Key::Strangers;
        self.forged.insert(at);
        if self.random.one_in(2) {
            trail.fingerprint = Key::East.fingerprint();
        }
        let back = self.random.below(4).cast_signed();
        trail.end -= back * HOUR + i64::from(back > 0) * 7;
        let root = self.root_of(&trail);
        let mut bucket = Bucket::default();
        let log = trail.log_key("CloudTrail", trail.end - HOUR / 2, "forged");
        bucket.objects.insert(log.clone(), gzip(records(&[event("forged", "")]).as_bytes()));
        // It may declare a log file again, with another hash.
        let again = self.logs.iter().find(|(_, log)| log.trail == at).filter(|_| self.random.one_in(2));
        let again = again.map(|(path, _)| format!("{}{}", trail.prefix, path.strip_prefix(&root).expect("the root")));
        let key = trail.digest(&mut bucket, &[log], |json| {
            let logs = json["logFiles"].as_array_mut().expect("log files");
            logs.extend(again.map(|key| {
                let hash = sha256(key.as_bytes());
                serde_json::json!({"s3Bucket": "x", "s3Object": key, "hashValue": hash, "hashAlgorithm": "SHA-256"})
            }));
        });
        for (key, stored) in bucket.objects {
            self.files.insert(format!("{root}{}", key.strip_prefix(&trail.prefix).expect("the prefix")), stored);
        }
        format!("forged {key}")
    }

    /// Signs a digest file again, with a foreign key, after a change.
    fn sign_again(&mut self, path: &str) -> String {
        let text = changed_digit(&inflated_or(&self.files[path]));
        if serde_json::from_slice::<serde_json::Value>(&text).is_ok() {
            let text_of = String::from_utf8_lossy(&text).into_owned();
            let signature = Key::Strangers.sign(&crate::digests::string_to_sign(&text_of));
            self.signatures.insert(path.to_owned(), signature);
        }
        self.files.insert(path.to_owned(), gzip(&text));
        format!("changed and signed anew {path} ({})", &sha256(&text)[..8])
    }

    /// A log file that was never delivered, in hours of a trail.
    fn plant(&mut self) -> String {
        let at = self.random.index(self.trails.len());
        let trail = &self.trails[at].trail;
        let minute = (trail.end - HOUR - self.random.below(6 * 3_600).cast_signed()) / 60 * 60;
        let how =
            *self.random.pick(&[Plant::AmongOthers, Plant::AmongOthers, Plant::OfAnotherDay, Plant::InAFolderOfItsOwn]);
        let mut key = trail.log_key("CloudTrail", minute, &format!("planted{:09}", self.random.below(1_000_000_000)));
        if let Plant::OfAnotherDay = how {
            let (folder, name) = key.rsplit_once('/').expect("a folder");
            let day = *self.random.pick(&["_20200101T", "_20990101T"]);
            key = format!("{folder}/{}", name.replacen(&time(minute, "_%Y%m%dT"), day, 1));
        }
        let key = key.strip_prefix(&trail.prefix).expect("the prefix");
        let path = match how {
            Plant::InAFolderOfItsOwn => format!("fresh/{key}"),
            _ => format!("{}{key}", self.root_of(trail)),
        };
        self.files.insert(path.clone(), gzip(records(&[event(&path, "")]).as_bytes()));
        self.logs.insert(path.clone(), Log { trail: at, minute, plant: Some(how), is_late: false });
        format!("planted {path}")
    }

    /// The details for a failure message.
    pub fn describe(&self) -> String {
        let mut text = format!("merged: {}\n", self.is_merged);
        for WorldTrail { trail, has_backfill } in &self.trails {
            let Trail { name, bucket, prefix, account, region, end, .. } = trail;
            let end = time(end - HOUR, "%FT%TZ");
            text +=
                &format!("{name} of {account} {region} to {bucket}/{prefix} until {end}, backfill: {has_backfill}\n");
        }
        for deed in &self.deeds {
            text += &format!("- {deed}\n");
        }
        for path in self.files.keys() {
            text += &format!("  {path}\n");
        }
        text
    }
}

/// The text of a file, or the file itself if it is not valid gzip.
fn inflated_or(stored: &[u8]) -> Vec<u8> {
    if stored.starts_with(b"\x1f\x8b") && crate::reference::proof::text_of(stored).is_some() {
        inflated(stored)
    } else {
        stored.to_vec()
    }
}

/// Another digit in place of the last one.
fn changed_digit(text: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    if let Some(digit) = text.iter_mut().rev().find(|byte| byte.is_ascii_digit()) {
        *digit = b'0' + (*digit - b'0' + 1) % 10;
    }
    text
}

/// Numbers from a seed (`SplitMix64`).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or_default()
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    fn pick<'t, T>(&mut self, list: &'t [T]) -> &'t T {
        &list[self.index(list.len())]
    }
}
