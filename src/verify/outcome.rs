//! The possible outcomes of a digest file, a log file, or the hours between digest files.
//!
//! In: nothing. Out: the vocabulary of both reports, and what each word means for the exit code. Never: one word for two
//! problems that need different action.

use serde::{Serialize, Serializer};

/// The severity of an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Proved.
    Valid,
    /// Not proved, without evidence against it: digest files do not cover it, or a copy has lost the proof.
    NotProved,
    /// Something is wrong.
    Problem,
}

/// The subject of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A digest file.
    Digest,
    /// A log file.
    Log,
    /// Hours of a chain of digest files.
    Chain,
    /// A folder of the copy.
    Folder,
}

macro_rules! outcomes {
    ($($variant:ident $subject:ident $severity:ident $name:literal $text:literal $doc:literal)*) => {
        /// The outcome of a digest file, a log file, or the hours between digest files.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum VerifyOutcome { $(#[doc = $doc] $variant,)* }

        impl VerifyOutcome {
            /// All outcomes.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its name in the JSON report.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Its words in the text report; where the AWS CLI has the same outcome, they are the CLI's.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// Its severity.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// Its subject.
            #[must_use]
            pub const fn subject(self) -> Subject {
                match self { $(Self::$variant => Subject::$subject,)* }
            }
        }
    };
}

outcomes! {
    DigestValid Digest Valid "digest_valid" "valid"
        "Signed by CloudTrail, and linked to its neighbours."
    DigestWithoutSignature Digest NotProved "digest_without_signature" "signature not available"
        "The newest of a chain, whose signature only the metadata of the S3 object has."
    DigestWithoutProof Digest Problem "digest_without_proof" "signature not available, and no digest file of its chain is valid"
        "Nothing shows that CloudTrail wrote it: the chain may be an hour old, or made up."
    DigestMoved Digest Problem "digest_moved" "INVALID: has been moved from its original location"
        "It does not lie where it says it was put."
    DigestMalformed Digest Problem "digest_malformed" "INVALID: invalid format"
        "Not gzip, not JSON, or without what every digest file has."
    DigestUnreadable Digest Problem "digest_unreadable" "INVALID: cannot be read"
        "The system cannot read the file."
    DigestMissing Digest Problem "digest_missing" "INVALID: not found"
        "A digest file says that it comes before it, and older ones are here, or it was wanted."
    DigestKeyMissing Digest Problem "digest_key_missing" "INVALID: public key not found"
        "None of the given public keys has its fingerprint."
    DigestKeyUnusable Digest Problem "digest_key_unusable" "INVALID: Unable to load PKCS #1 key"
        "The public key with its fingerprint is no RSA key."
    DigestSignatureFailed Digest Problem "digest_signature_failed" "INVALID: signature verification failed"
        "It was changed, or not signed with the private key of its fingerprint."
    DigestHashDiffers Digest Problem "digest_hash_differs" "INVALID: hash value doesn't match the next digest file's"
        "The valid digest file after it has another hash of it."
    DigestSignatureDiffers Digest Problem "digest_signature_differs" "INVALID: signature doesn't match the next digest file's"
        "The valid digest file after it has another signature of it."
    DigestUnlinked Digest Problem "digest_unlinked" "INVALID: not part of the chain"
        "It has no signature, and the digest files around it leave no room for it, or declare its log files otherwise."
    LogValid Log Valid "log_valid" "valid"
        "Its hash is the one in a valid digest file."
    LogNotProved Log NotProved "log_not_proved" "hash value matches, digest file not proved"
        "Its hash is the one in a digest file whose signature is not available."
    LogHashDiffers Log Problem "log_hash_differs" "INVALID: hash value doesn't match"
        "It was changed since it was delivered."
    LogTrailingData Log Problem "log_trailing_data" "INVALID: unexpected data after end of compressed stream"
        "The file goes on behind what CloudTrail wrote."
    LogMalformed Log Problem "log_malformed" "INVALID: invalid format"
        "Not gzip, or damaged gzip."
    LogUnreadable Log Problem "log_unreadable" "INVALID: cannot be read"
        "The system cannot read the file."
    LogHashUnknown Log Problem "log_hash_unknown" "INVALID: hash algorithm not known"
        "The digest file has no SHA-256 of it."
    LogMissing Log Problem "log_missing" "INVALID: not found"
        "A digest file declares it, and it is not here."
    LogUndeclared Log Problem "log_undeclared" "UNDECLARED: no digest file declares it"
        "It lies in hours that digest files cover, and none of them declares it: CloudTrail did not deliver it there, or for a trail without validation, or so late that a backfill digest file which is not here declares it."
    LogOutOfHour Log Problem "log_out_of_hour" "UNDECLARED: the digest file of its hour does not declare it, but a later one without signature"
        "As somebody would declare a log file who cannot sign; or it was delivered late, which the signature will prove."
    LogOfUnknownTrail Log Problem "log_of_unknown_trail" "UNDECLARED: one trail that delivers to its place covers its hour and does not declare it, another has no digest file near"
        "As `log_undeclared`, unless it is of another trail of the same place: one that was not validated then, or whose digest files are not here."
    LogMisplaced Log Problem "log_misplaced" "UNDECLARED: not at a place where CloudTrail puts log files"
        "By its name a log file, and not where one can be declared."
    LogWithoutDigests Log Problem "log_without_digests" "UNDECLARED: no digest file of its account and Region is here"
        "Its account and Region have no digest file in the inputs, or none that can be relied on."
    LogOfInvalidDigest Log NotProved "log_of_invalid_digest" "not checked: only an invalid digest file declares it"
        "What an invalid digest file says of it is worth nothing; the digest file is the problem."
    LogOfMissingDigest Log NotProved "log_of_missing_digest" "not covered: the digest file of its hour is missing or invalid"
        "The digest file that would declare it is missing or invalid; that is the problem."
    LogOfOlderBackfill Log NotProved "log_of_older_backfill" "not covered: an older backfill digest file that is not here may declare it"
        "The digest file of its hour does not declare it. It was delivered late, or planted: the oldest backfill digest file here names one before it."
    LogBeforeFirst Log NotProved "log_before_first" "not covered: delivered before validation was turned on"
        "Delivered before the starting digest file that begins its chain."
    LogBeforeOldest Log NotProved "log_before_oldest" "not covered: delivered before the oldest digest file that is here"
        "The digest file of its hour was not copied, or was removed: the oldest one here names one before it."
    LogAfterLast Log NotProved "log_after_last" "not covered: delivered after the last digest file, or shortly before its end"
        "The digest file of its hour was not there yet, or was not copied, or was removed."
    LogInGap Log NotProved "log_in_gap" "not covered: validation was turned off"
        "Delivered between the last digest file of a chain and a starting one."
    ChainGap Chain NotProved "chain_gap" "No log files were delivered by CloudTrail"
        "A starting digest file begins the chain anew: validation or logging was turned off before it. Whether digest files before it were removed nothing tells."
    ChainHole Chain Problem "chain_hole" "INVALID: no digest files"
        "A digest file that is missing, and all that may have been before it."
    ChainOlder Chain NotProved "chain_older" "older digest files are not here"
        "The oldest digest file here names one before it, which was not copied, or was removed; within the days that were asked for it is missing."
    ChainEndsEarly Chain NotProved "chain_ends_early" "no later digest file is here"
        "The chain ends more than two hours before others do: its trail was stopped, or digest files were not copied, or removed."
    NoLogsFolder Folder Problem "no_logs_folder" "INVALID: no folder AWSLogs"
        "Files of an account and Region lie below no folder `AWSLogs`, from which on keys count: nothing of them can be found at its place."
}

impl VerifyOutcome {
    /// Whether its lines are listed by default.
    pub(super) fn is_listed(self) -> bool {
        let is_news =
            matches!(self, Self::DigestWithoutSignature | Self::ChainGap | Self::ChainOlder | Self::ChainEndsEarly);
        is_news || self.severity() == Severity::Problem
    }
}

impl Serialize for VerifyOutcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
