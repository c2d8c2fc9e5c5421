//! Members of the Metering API.
//!
//! In: the name of a member. Out: which member of the API it is. Never: a name that differs in more than letter case.

/// A member of a request or response of `BatchMeterUsage` or `MeterUsage`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Timestamp,
    Dimension,
    Quantity,
    CustomerIdentifier,
    CustomerAwsAccountId,
    LicenseArn,
    UsageRecord,
    MeteringRecordId,
    Status,
    QuantityAsDecimal,
    UsageAllocations,
    AllocatedUsageQuantity,
    AllocatedUsageQuantityAsDecimal,
    Tags,
    Key,
    Value,
    UsageRecords,
    ProductCode,
    Results,
    UnprocessedRecords,
    UsageDimension,
    UsageQuantity,
    UsageQuantityAsDecimal,
    DryRun,
    ClientToken,
}

/// As CloudTrail writes them, the most frequent ones first. Its documentation and the SDK disagree about one.
const NAMES: [(&str, Name); 26] = [
    ("timestamp", Name::Timestamp),
    ("dimension", Name::Dimension),
    ("quantity", Name::Quantity),
    ("customerIdentifier", Name::CustomerIdentifier),
    ("customerAWSAccountId", Name::CustomerAwsAccountId),
    ("customerAWSAccountID", Name::CustomerAwsAccountId),
    ("licenseArn", Name::LicenseArn),
    ("usageRecord", Name::UsageRecord),
    ("meteringRecordId", Name::MeteringRecordId),
    ("status", Name::Status),
    ("quantityAsDecimal", Name::QuantityAsDecimal),
    ("usageAllocations", Name::UsageAllocations),
    ("allocatedUsageQuantity", Name::AllocatedUsageQuantity),
    ("allocatedUsageQuantityAsDecimal", Name::AllocatedUsageQuantityAsDecimal),
    ("tags", Name::Tags),
    ("key", Name::Key),
    ("value", Name::Value),
    ("usageRecords", Name::UsageRecords),
    ("productCode", Name::ProductCode),
    ("results", Name::Results),
    ("unprocessedRecords", Name::UnprocessedRecords),
    ("usageDimension", Name::UsageDimension),
    ("usageQuantity", Name::UsageQuantity),
    ("usageQuantityAsDecimal", Name::UsageQuantityAsDecimal),
    ("dryRun", Name::DryRun),
    ("clientToken", Name::ClientToken),
];

impl Name {
    /// The member that a name stands for.
    ///
    /// Letter case does not count: tools write names as the SDKs do (`UsageRecords`) or all in lower case, AWS itself
    /// disagrees about one, and no two members differ in nothing else. The usual case is looked for first.
    pub(super) fn of(name: &str) -> Option<Self> {
        let usual = NAMES.iter().find(|(known, _)| *known == name);
        let found = usual.or_else(|| NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)));
        found.map(|(_, member)| *member)
    }

    /// The name in its usual spelling.
    pub(super) fn as_str(self) -> &'static str {
        NAMES.iter().find(|(_, member)| *member == self).map_or("", |(name, _)| name)
    }

    /// A number that no other member has, below 32.
    const fn number(self) -> u32 {
        self as u32
    }
}

/// Members that have come: of one that comes twice, in whatever letter case, the first value counts, whatever it is.
#[derive(Default)]
pub(super) struct Seen(u32);

impl Seen {
    /// Whether a member has not come before.
    pub(super) const fn is_first(&mut self, name: Name) -> bool {
        let bit = 1 << name.number();
        let is_first = self.0 & bit == 0;
        self.0 |= bit;
        is_first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letter_case_does_not_count() {
        for (known, name) in NAMES {
            let (first, rest) = known.split_at(1);
            let of_sdk = format!("{}{rest}", first.to_uppercase());
            for spelled in [known, of_sdk.as_str(), &known.to_lowercase(), &known.to_uppercase()] {
                assert_eq!(Name::of(spelled), Some(name), "{spelled}");
            }
            assert_eq!(Name::of(name.as_str()), Some(name));
        }
        for other in ["", "usage_records", "usageRecordz", "omitted", "\u{17f}tatus", "ta\u{fffd}s"] {
            assert_eq!(Name::of(other), None, "{other}");
        }
    }

    #[test]
    fn a_member_comes_first_once() {
        let mut seen = Seen::default();
        let firsts = NAMES.iter().filter(|(_, name)| seen.is_first(*name)).count();
        assert_eq!(firsts, NAMES.len() - 1, "one has two spellings");
        assert!(!seen.is_first(Name::Timestamp) && !seen.is_first(Name::ClientToken));
    }
}
