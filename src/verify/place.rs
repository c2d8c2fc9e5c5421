//! What a file is, by its path.
//!
//! In: the path of a file in a copy. Out: its key from `AWSLogs/` on, and what `CloudTrail` stores there. Never: reads the
//! file, or takes what precedes `AWSLogs` for a bucket or a prefix: that is the copy's own root.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use jiff::civil;
use jiff::tz::TimeZone;
use ring::digest::{SHA256, digest};
use serde::Serialize;

/// The folder for everything that `CloudTrail` delivers, below the bucket and the trail's prefix (CloudTrail User Guide).
const LOGS_FOLDER: &str = "AWSLogs";
/// Identifies the names of digest files.
const DIGEST_MARK: &str = "_CloudTrail-Digest_";

const DAY_SECONDS: i64 = 86_400;

/// A key from `AWSLogs/` on, as a collision-resistant hash.
pub(super) type KeyHash = [u8; 16];

/// The kind of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    /// A digest file.
    Digest,
    /// A log file: of `CloudTrail`, `CloudTrail-Insight`, `CloudTrail-NetworkActivity` or `CloudTrail-Aggregated`.
    Log,
    /// Kept metadata of a digest file, next to it.
    Sidecar(Sidecar),
    /// Nothing that `CloudTrail` delivers with digest files.
    Other,
}

/// How a digest file's signature was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sidecar {
    /// `<digest file>.signature`: hexadecimal text.
    Signature,
    /// `<digest file>.metadata.json`: the output of `aws s3api head-object`.
    Metadata,
}

impl Sidecar {
    const ALL: [(Self, &'static str); 2] = [(Self::Signature, ".signature"), (Self::Metadata, ".metadata.json")];
}

/// The account and Region of digest files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Area {
    /// The organisation's id, for a trail of an organisation.
    pub organization: Option<String>,
    /// The account.
    pub account: String,
    /// The Region.
    pub region: String,
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(organization) = &self.organization {
            write!(f, "{organization}/")?;
        }
        write!(f, "{} {}", self.account, self.region)
    }
}

/// The place of a file.
#[derive(Debug)]
pub(super) struct FilePlace<'a> {
    pub(super) kind: FileKind,
    /// Its key from `AWSLogs/` on; without such a folder only its name.
    pub(super) key: Cow<'a, str>,
    /// The account and Region by the key; `None` when the key is not one of `CloudTrail`.
    pub(super) area: Option<Area>,
}

impl<'a> FilePlace<'a> {
    pub(super) fn of(path: &'a Path) -> Self {
        let text = path.to_string_lossy();
        let key = match text {
            Cow::Borrowed(text) => from_logs_folder(text),
            Cow::Owned(text) => from_logs_folder(&text).map(|key| Cow::Owned(key.into_owned())),
        };
        let Some(mut key) = key else {
            let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
            return Self { kind: FileKind::by_name(&name), key: name, area: None };
        };
        let name = key.rsplit('/').next().unwrap_or_default();
        let (kind, area) = match split(&key) {
            Some((area, "CloudTrail-Digest")) => (FileKind::in_digest_folder(name), Some(area)),
            Some((
                area,
                "CloudTrail" | "CloudTrail-Insight" | "CloudTrail-NetworkActivity" | "CloudTrail-Aggregated",
            )) => (FileKind::in_log_folder(name), Some(area)),
            _ => (FileKind::by_name(name), None),
        };
        // A copy may have been gunzipped: digest files declare text.
        if key.ends_with(".json") {
            key.to_mut().push_str(".gz");
        }
        Self { kind, key, area }
    }

    pub(super) fn key_hash(&self) -> KeyHash {
        key_hash(&self.key)
    }
}

impl FileKind {
    fn in_digest_folder(name: &str) -> Self {
        match Self::sidecar(name) {
            Some((sidecar, _)) => Self::Sidecar(sidecar),
            None if is_json(name) => Self::Digest,
            None => Self::Other,
        }
    }

    /// Any undeclared file among log files must be reported; only what file managers leave is ignored.
    fn in_log_folder(name: &str) -> Self {
        let is_litter = name == ".DS_Store" || (name.starts_with("._") && !is_json(name));
        if is_litter { Self::Other } else { Self::Log }
    }

    /// Elsewhere only the name counts: such a file was moved.
    fn by_name(name: &str) -> Self {
        if name.contains(DIGEST_MARK) {
            Self::in_digest_folder(name)
        } else if name.contains("_CloudTrail") && is_json(name) {
            Self::Log
        } else {
            Self::Other
        }
    }

    fn sidecar(name: &str) -> Option<(Sidecar, &str)> {
        Sidecar::ALL.iter().find_map(|(sidecar, suffix)| {
            let digest = name.strip_suffix(suffix).filter(|digest| is_json(digest))?;
            Some((*sidecar, digest))
        })
    }
}

fn is_json(name: &str) -> bool {
    name.ends_with(".json.gz") || Path::new(name).extension().is_some_and(|extension| extension == "json")
}

/// The digest file that a sidecar file belongs to, by its path.
pub(super) fn digest_of_sidecar(path: &Path) -> Option<std::path::PathBuf> {
    let name = path.file_name()?.to_str()?;
    Some(path.with_file_name(FileKind::sidecar(name)?.1))
}

/// A key or path from the last folder `AWSLogs` on: a prefix may have that name too.
pub(super) fn from_logs_folder(text: &str) -> Option<Cow<'_, str>> {
    logs_folder(text).map(|at| Cow::Borrowed(&text[at..]))
}

/// What precedes that folder: a prefix, or the root of a copy.
pub(super) fn before_logs_folder(text: &str) -> Option<&str> {
    logs_folder(text).map(|at| &text[..at])
}

fn logs_folder(text: &str) -> Option<usize> {
    let is_start = |at: usize| at == 0 || text.as_bytes()[at - 1] == b'/';
    text.rmatch_indices("AWSLogs/").map(|(at, _)| at).find(|at| is_start(*at))
}

/// The account and Region in the name of a digest file or log file.
pub(super) fn area_of_name(name: &str) -> (&str, &str) {
    let mut parts = name.split('_');
    (parts.next().unwrap_or_default(), parts.nth(1).unwrap_or_default())
}

/// Account, Region and folder of a key `AWSLogs/[o-orgid/]<account>/<folder>/<region>/…` (CloudTrail User Guide).
fn split(key: &str) -> Option<(Area, &str)> {
    let mut parts = key.split('/');
    parts.next().filter(|first| *first == LOGS_FOLDER)?;
    let first = parts.next()?;
    let (organization, account) =
        if first.starts_with("o-") { (Some(first.to_owned()), parts.next()?) } else { (None, first) };
    let folder = parts.next()?;
    let region = parts.next()?;
    // The file's own name is not a Region.
    parts.next()?;
    Some((Area { organization, account: account.to_owned(), region: region.to_owned() }, folder))
}

/// Account and Region of a key from `AWSLogs/` on.
pub(super) fn area_of_key(key: &str) -> Option<(&str, &str)> {
    let mut parts = key.split('/').skip(1).peekable();
    parts.next_if(|first| first.starts_with("o-"));
    let account = parts.next()?;
    let region = parts.nth(1)?;
    parts.next().map(|_| (account, region))
}

/// The hash of a key from `AWSLogs/` on.
pub(super) fn key_hash(key: &str) -> KeyHash {
    let hash = digest(&SHA256, key.as_bytes());
    let mut short = KeyHash::default();
    short.copy_from_slice(&hash.as_ref()[..size_of::<KeyHash>()]);
    short
}

/// The parts of a digest file's name:
/// `<account>_CloudTrail-Digest_<region>_<trail>_<home region>_<YYYYMMDDTHHMMSSZ>[_backfill].json.gz`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct DigestName {
    /// `<trail>`; empty for other names.
    pub(super) trail: String,
    /// `<home region>`.
    pub(super) home_region: String,
    /// Whether it is a digest file made later for hours that have one or had none.
    pub(super) is_backfill: bool,
    /// Its end, in seconds since 1970.
    pub(super) end: Option<i64>,
}

/// The identity of a chain: trail, home Region, and whether it is backfill, which points to its own kind.
pub(super) type ChainName = (String, String, bool);

impl DigestName {
    pub(super) fn chain(&self) -> ChainName {
        (self.trail.clone(), self.home_region.clone(), self.is_backfill)
    }

    pub(super) fn parse(key: &str, region: &str) -> Self {
        let name = key.rsplit('/').next().unwrap_or_default();
        let stem = name.strip_suffix(".json.gz").unwrap_or(name);
        let (stem, is_backfill) = stem.strip_suffix("_backfill").map_or((stem, false), |stem| (stem, true));
        let nameless = Self { is_backfill, ..Self::default() };
        let Some((before, time)) = stem.rsplit_once('_') else { return nameless };
        let Some(end) = parse_name_time(time) else { return nameless };
        let nameless = Self { end: Some(end), ..nameless };
        let Some((_, rest)) = before.split_once(DIGEST_MARK) else { return nameless };
        let Some(rest) = rest.strip_prefix(region).and_then(|rest| rest.strip_prefix('_')) else { return nameless };
        let Some((trail, home_region)) = rest.rsplit_once('_') else { return nameless };
        Self { trail: trail.to_owned(), home_region: home_region.to_owned(), ..nameless }
    }
}

/// The time in the name of a log file, in seconds since 1970: `…_YYYYMMDDTHHmmZ[_]<unique>.json.gz`.
pub(super) fn log_time(key: &str) -> Option<i64> {
    let name = key.rsplit('/').next().unwrap_or_default();
    name.split('_').skip(1).filter(|part| part.is_char_boundary(14)).find_map(|part| parse_name_time(&part[..14]))
}

/// Whether a log file of this minute may be in its folder `YYYY/MM/DD`, give or take a day.
pub(super) fn is_of_folder_day(key: &str, minute: i64) -> bool {
    let folder = key.rsplit_once('/').map(|(folder, _)| folder).unwrap_or_default();
    let day = folder.len().checked_sub("YYYY/MM/DD".len()).and_then(|at| folder.get(at..));
    let date = day.and_then(|day| civil::Date::strptime("%Y/%m/%d", day).ok());
    let start = date.and_then(|date| date.to_zoned(TimeZone::UTC).ok()).map(|start| start.timestamp().as_second());
    start.is_some_and(|start| (start - DAY_SECONDS..start + 2 * DAY_SECONDS).contains(&minute))
}

/// `YYYYMMDDTHHMM[SS]Z`.
fn parse_name_time(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if date.len() != 8 || !matches!(time.len(), 4 | 6) || !is_digits(date) || !is_digits(time) {
        return None;
    }
    let date = civil::Date::new(date[..4].parse().ok()?, date[4..6].parse().ok()?, date[6..].parse().ok()?).ok()?;
    let second = if time.len() == 6 { time[4..].parse().ok()? } else { 0 };
    let time = civil::Time::new(time[..2].parse().ok()?, time[2..4].parse().ok()?, second, 0).ok()?;
    date.to_datetime(time).to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, kind: FileKind, key: &str, area: Option<(&str, &str)>) {
        let place = FilePlace::of(Path::new(path));
        assert_eq!((place.kind, &*place.key), (kind, key), "{path}");
        let found = place.area.as_ref().map(|area| (area.account.as_str(), area.region.as_str()));
        assert_eq!(found, area, "{path}");
    }

    #[test]
    fn files_are_classified_by_path() {
        let here = Some(("1", "us-east-1"));
        let digest = "AWSLogs/1/CloudTrail-Digest/us-east-1/2025/03/01/d.json.gz";
        check(&format!("/copy/{digest}"), FileKind::Digest, digest, here);
        check(&format!("/AWSLogs/x/{digest}"), FileKind::Digest, digest, here);
        check(&format!("/copy/{}", &digest[..digest.len() - 3]), FileKind::Digest, digest, here);
        let sidecar = format!("{digest}.metadata.json");
        check(&format!("/c/{sidecar}"), FileKind::Sidecar(Sidecar::Metadata), &format!("{sidecar}.gz"), here);
        check(
            &format!("/c/{digest}.signature"),
            FileKind::Sidecar(Sidecar::Signature),
            &format!("{digest}.signature"),
            here,
        );
        for folder in ["CloudTrail", "CloudTrail-Insight", "CloudTrail-NetworkActivity", "CloudTrail-Aggregated"] {
            let key = format!("AWSLogs/o-abcdefghij/1/{folder}/us-east-1/2025/03/01/anything");
            check(&format!("/c/{key}"), FileKind::Log, &key, here);
        }
        check(
            "/c/AWSLogs/1/CloudTrail/us-east-1/.DS_Store",
            FileKind::Other,
            "AWSLogs/1/CloudTrail/us-east-1/.DS_Store",
            here,
        );
        check(
            "/c/AWSLogs/1/CloudTrail/us-east-1/.a.json",
            FileKind::Log,
            "AWSLogs/1/CloudTrail/us-east-1/.a.json.gz",
            here,
        );
        check("/c/AWSLogs/1/Config/us-east-1/a.json.gz", FileKind::Other, "AWSLogs/1/Config/us-east-1/a.json.gz", None);
        check("/c/1_CloudTrail_us-east-1_x.json.gz", FileKind::Log, "1_CloudTrail_us-east-1_x.json.gz", None);
        check("/c/1_CloudTrail-Digest_x.json.gz", FileKind::Digest, "1_CloudTrail-Digest_x.json.gz", None);
        check("/c/notes.txt", FileKind::Other, "notes.txt", None);
        check("/c/NotAWSLogs/1/CloudTrail/r/a.json.gz", FileKind::Other, "a.json.gz", None);
    }

    #[test]
    fn names_of_digest_files_and_log_files() {
        let key = "a/1_CloudTrail-Digest_us-east-1_my_trail_eu-west-1_20150817T150131Z.json.gz";
        let name = DigestName::parse(key, "us-east-1");
        let expected = DigestName {
            trail: "my_trail".into(),
            home_region: "eu-west-1".into(),
            is_backfill: false,
            end: Some(1_439_823_691),
        };
        assert_eq!(name, expected);
        let backfill = DigestName::parse(&key.replace(".json.gz", "_backfill.json.gz"), "us-east-1");
        assert_eq!(backfill, DigestName { is_backfill: true, ..expected });
        assert_eq!(DigestName::parse("x.json.gz", "us-east-1"), DigestName::default());
        assert_eq!(DigestName::parse("é_20150817T250131Z.json.gz", "r"), DigestName::default());
        assert_eq!(log_time("1_CloudTrail_us-east-1_20150817T1501Z_abc.json.gz"), Some(1_439_823_660));
        assert_eq!(log_time("1_CloudTrail_us-east-1_20150817T1501Zabc.json.gz"), Some(1_439_823_660));
        assert_eq!(log_time("1_CloudTrail_us-east-1_2015081éT1501Zabc.json.gz"), None);
    }

    #[test]
    fn names_match_the_day_of_their_folder_give_or_take_one() {
        let noon = 1_439_812_800;
        let is_of = |day: &str, minute| is_of_folder_day(&format!("AWSLogs/1/CloudTrail/r/{day}/x.json.gz"), minute);
        assert!(["2015/08/16", "2015/08/17", "2015/08/18"].iter().all(|day| is_of(day, noon)));
        assert!(is_of("2015/08/17", noon + 36 * 3_600 - 1) && !is_of("2015/08/17", noon + 36 * 3_600));
        assert!(is_of("2015/08/17", noon - 36 * 3_600) && !is_of("2015/08/17", noon - 36 * 3_600 - 1));
        for day in ["2015/08/19", "2015/08/15", "2015/13/01", "2015/08", "é/2015/08", ""] {
            assert!(!is_of(day, noon), "{day}");
        }
        assert!(!is_of_folder_day("x.json.gz", noon));
    }
}
