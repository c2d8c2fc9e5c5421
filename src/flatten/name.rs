//! Members of the Metering API.
//!
//! In: the name of a member, an object. Out: which member of the API it is, which one of several counts. Never: a name that
//! differs in more than letter case.

use std::iter;

use crate::json::tape::{Member, Shape, Value};

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
        Self::usual(name).or_else(|| Self::in_another_case(name))
    }

    /// The member that a name stands for as CloudTrail writes it.
    pub(super) fn usual(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, member)| *member)
    }

    fn in_another_case(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, member)| *member)
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

/// The member of an object that counts, when some have this name and a value that fits.
///
/// An empty list counts only where nothing else does, a name in another letter case only where the usual one is missing, and
/// of what is left the first.
pub(super) fn pick<'t>(object: Value<'t>, name: Name, fits: impl Fn(Value<'t>) -> bool) -> Option<Member<'t>> {
    let usual = name.as_str();
    let is_it = |member: &Member<'t>| member.name().eq_ignore_ascii_case(usual) && !member.value().is_null();
    let mut found = object.members().filter(|member| is_it(member) && fits(member.value()));
    let drawbacks = |member: &Member<'t>| {
        let is_usual = member.name() == usual || Name::usual(member.name()).is_some();
        (is_empty_list(member.value()), !is_usual)
    };
    let first = found.next()?;
    match drawbacks(&first) {
        (false, false) => Some(first),
        _ => iter::once(first).chain(found).min_by_key(drawbacks),
    }
}

fn is_empty_list(value: Value<'_>) -> bool {
    matches!(value.shape(), Shape::Array) && value.elements().next().is_none()
}

/// Which members of an object count, asked one after the other: of those with one name it is what [`pick`] picks, whatever
/// its value is.
pub(super) struct Counting<'t> {
    object: Value<'t>,
    /// Names whose member has come, by number.
    note_first: u32,
    /// Members that are still to come, since those that came first do not count.
    to_come: Vec<(Name, Member<'t>)>,
}

impl<'t> Counting<'t> {
    pub(super) const fn of(object: Value<'t>) -> Self {
        Self { object, note_first: 0, to_come: Vec::new() }
    }

    /// What the next member stands for, if it counts.
    pub(super) fn name(&mut self, member: Member<'t>) -> Option<Name> {
        match Name::usual(member.name()) {
            Some(name) if !is_empty_list(member.value()) => self.note_first(name),
            usual => self.unusual_name(usual, member),
        }
    }

    /// The name, if nothing with it has come yet.
    fn note_first(&mut self, name: Name) -> Option<Name> {
        let bit = 1 << name.number();
        let is_first = self.note_first & bit == 0;
        self.note_first |= bit;
        is_first.then_some(name)
    }

    #[cold]
    fn unusual_name(&mut self, usual: Option<Name>, member: Member<'t>) -> Option<Name> {
        let name = usual.or_else(|| Name::in_another_case(member.name()))?;
        let is_open = self.note_first & (1 << name.number()) == 0;
        if is_open && self.is_picked(name, member) { self.note_first(name) } else { None }
    }

    fn is_picked(&mut self, name: Name, member: Member<'t>) -> bool {
        if let Some((_, picked)) = self.to_come.iter().find(|(known, _)| *known == name) {
            return picked.is(member);
        }
        let picked = pick(self.object, name, |_| true).filter(|picked| !picked.is(member));
        self.to_come.extend(picked.map(|picked| (name, picked)));
        picked.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::tape::Parser;

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
    fn of_several_spellings_one_counts() {
        let check = |object: &str, expected: &str| {
            let counted = Parser::default().parse_lenient(object, |document| {
                let root = document.root();
                let mut counting = Counting::of(root);
                let members = root.members().filter(|member| !member.value().is_null());
                let counted: Vec<_> =
                    members.filter_map(|member| Some((counting.name(member)?, member.raw()))).collect();
                for (name, raw) in &counted {
                    assert_eq!(pick(root, *name, |_| true).map(Member::raw), Some(*raw), "{object}");
                }
                counted.iter().map(|(_, raw)| *raw).collect::<String>()
            });
            assert_eq!(counted.ok().as_deref(), Some(expected), "{object}");
        };
        check(r#"{"Key":1,"KEY":2,"key":3,"key":4,"Tags":5,"other":6}"#, "35");
        check(r#"{"KEY":1,"Key":2,"value":3,"Value":4}"#, "13");
        check(r#"{"key":null,"Key":2}"#, "2");
        check(r#"{"tags":[],"Tags":[1],"TAGS":[2]}"#, "[1]");
        check(r#"{"Tags":[],"tags":[],"tags":[ ]}"#, "[]");
        check(r#"{"customerAwsAccountId":1,"customerAWSAccountID":2,"customerAWSAccountId":3}"#, "2");
    }
}
