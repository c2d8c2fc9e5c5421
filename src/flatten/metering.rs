//! Usage records as the Metering API writes them.
//!
//! In: the JSON of a record. Out: a [`UsageRecord`]. Never: loses a member that has no column.

use super::name::{Counting, Name, pick};
use super::unmapped::Unmapped;
use super::{decimal, timestamp};
use crate::json::tape::{Member, Shape, Value};

/// A text member, kept apart from "there and no text".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct UsageTime<'t> {
    /// Milliseconds since 1970, when the text is a known form.
    pub(crate) epoch_ms: Option<i64>,
    /// As written: the text of a string, the digits of a number.
    pub(crate) text: &'t str,
}

/// One usage record of a request, or its echo in a response.
#[derive(Default)]
pub(crate) struct UsageRecord<'t> {
    pub(crate) customer_identifier: Option<&'t str>,
    pub(crate) customer_aws_account_id: Option<&'t str>,
    pub(crate) license_arn: Option<&'t str>,
    pub(crate) dimension: Option<&'t str>,
    /// Millionths.
    pub(crate) quantity: Option<i128>,
    pub(crate) time: Option<UsageTime<'t>>,
    pub(crate) allocations: Option<Vec<Allocation<'t>>>,
    /// Members and values without a column, under the path of the record.
    pub(crate) unmapped: Unmapped,
}

/// One element of `usageAllocations`; a null element has no member at all.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Allocation<'t> {
    pub(crate) is_null: bool,
    /// Millionths.
    pub(crate) quantity: Option<i128>,
    pub(crate) tags: Option<Vec<Tag<'t>>>,
}

/// One cost-allocation tag; `None` for an element that is no object.
pub(crate) type Tag<'t> = Option<(Option<&'t str>, Option<&'t str>)>;

/// The members of one form of record.
pub(crate) struct Form {
    dimension: Name,
    quantity: Name,
    quantity_as_decimal: Name,
}

/// A record of `BatchMeterUsage`.
pub(super) const BATCH: Form =
    Form { dimension: Name::Dimension, quantity: Name::Quantity, quantity_as_decimal: Name::QuantityAsDecimal };

/// The request of `MeterUsage`.
pub(super) const SINGLE: Form = Form {
    dimension: Name::UsageDimension,
    quantity: Name::UsageQuantity,
    quantity_as_decimal: Name::UsageQuantityAsDecimal,
};

/// A record of `BatchMeterUsage` that has not been read: an element of a list, or what a result repeats.
#[derive(Clone, Copy)]
pub(super) struct RecordSource<'t> {
    pub(super) value: Value<'t>,
    /// As it stands in the archive.
    pub(super) text: &'t str,
    path: &'static str,
}

impl<'t> RecordSource<'t> {
    pub(super) const fn new(value: Value<'t>, text: &'t str, path: &'static str) -> Self {
        Self { value, text, path }
    }

    /// The elements of a list.
    pub(super) fn list(list: Member<'t>, path: &'static str) -> Vec<Self> {
        let elements = list.value().elements();
        let quick: Option<Vec<Self>> =
            elements.clone().map(|value| Some(Self::new(value, value.raw_object()?, path))).collect();
        // What is no object, or has no members, is found by going through the text.
        quick.unwrap_or_else(|| {
            elements.zip(list.raw_elements()).map(|(value, text)| Self::new(value, text, path)).collect()
        })
    }

    /// Reads the record; an element that is no object is kept whole in `unmapped`.
    pub(super) fn read(&self) -> UsageRecord<'t> {
        let mut record = UsageRecord::read(self.value, self.path, &BATCH, |_, _| false);
        if !self.value.is_object() && !self.value.is_null() {
            record.unmapped.add(self.path, self.text);
        }
        record
    }
}

impl<'t> UsageRecord<'t> {
    /// Reads a record; `other` is asked about every known member that no record has, and `false` sends it to `unmapped`.
    pub(super) fn read(
        value: Value<'t>,
        path: &str,
        form: &Form,
        mut other: impl FnMut(Name, Member<'t>) -> bool,
    ) -> Self {
        let mut record = Self::default();
        let quantity = Quantity::read(value, form.quantity, form.quantity_as_decimal);
        record.quantity = quantity.units;
        let mut counting = Counting::of(value);
        for member in value.members().filter(|member| !member.value().is_null()) {
            let fits = counting.name(member).is_some_and(|name| match name {
                Name::CustomerIdentifier => take_text(&mut record.customer_identifier, member),
                Name::CustomerAwsAccountId => take_text(&mut record.customer_aws_account_id, member),
                Name::LicenseArn => take_text(&mut record.license_arn, member),
                Name::Timestamp => record.take_time(member),
                Name::UsageAllocations => record.take_allocations(member),
                name if name == form.quantity || name == form.quantity_as_decimal => quantity.stands_for(member),
                name if name == form.dimension => take_text(&mut record.dimension, member),
                name => other(name, member),
            });
            if !fits {
                record.unmapped.add_member(path, member);
            }
        }
        record
    }

    fn take_time(&mut self, member: Member<'t>) -> bool {
        let text = match member.value().shape() {
            Shape::String(_) => member.value().text(),
            Shape::Number => Some(member.raw()),
            _ => None,
        };
        self.time = text.map(|text| UsageTime { epoch_ms: timestamp::parse_usage(text), text });
        self.time.is_some()
    }

    fn take_allocations(&mut self, member: Member<'t>) -> bool {
        if member.value().shape() != Shape::Array {
            return false;
        }
        let mut is_whole = true;
        self.allocations =
            Some(member.value().elements().map(|value| Allocation::read(value, &mut is_whole)).collect());
        is_whole
    }
}

impl<'t> Allocation<'t> {
    fn read(value: Value<'t>, is_whole: &mut bool) -> Self {
        if !value.is_object() {
            *is_whole = false;
            return Self { is_null: true, ..Self::default() };
        }
        let quantity = Quantity::read(value, Name::AllocatedUsageQuantity, Name::AllocatedUsageQuantityAsDecimal);
        let mut allocation = Self { quantity: quantity.units, ..Self::default() };
        let mut counting = Counting::of(value);
        for member in value.members().filter(|member| !member.value().is_null()) {
            match counting.name(member) {
                Some(Name::AllocatedUsageQuantity | Name::AllocatedUsageQuantityAsDecimal) => {
                    *is_whole &= quantity.stands_for(member);
                }
                Some(Name::Tags) if member.value().shape() == Shape::Array => {
                    allocation.tags = Some(member.value().elements().map(|tag| read_tag(tag, is_whole)).collect());
                }
                _ => *is_whole = false,
            }
        }
        allocation
    }
}

fn read_tag<'t>(tag: Value<'t>, is_whole: &mut bool) -> Tag<'t> {
    if !tag.is_object() {
        *is_whole = false;
        return None;
    }
    let (mut key, mut value) = (None, None);
    let mut counting = Counting::of(tag);
    for member in tag.members().filter(|member| !member.value().is_null()) {
        *is_whole &= match counting.name(member) {
            Some(Name::Key) => take_text(&mut key, member),
            Some(Name::Value) => take_text(&mut value, member),
            _ => false,
        };
    }
    Some((key, value))
}

/// Takes the text of a string; `false` when the value has none.
pub(crate) fn take_text<'t>(place: &mut Option<&'t str>, member: Member<'t>) -> bool {
    *place = member.value().text();
    place.is_some()
}

/// A quantity, which the API lets be written as an integer or as a decimal in a string, in two members.
struct Quantity<'t> {
    /// Millionths.
    units: Option<i128>,
    /// The members that the units stand for; every other member of the two names goes to `unmapped`.
    sources: [Option<Member<'t>>; 2],
}

impl<'t> Quantity<'t> {
    /// Reads both members; the decimal one wins, the plain one counts when it says the same or stands alone.
    fn read(value: Value<'t>, plain: Name, as_decimal: Name) -> Self {
        let parse = |member: Option<Member<'t>>| {
            let member = member?;
            decimal::parse_quantity(match member.value().shape() {
                Shape::String(_) => member.value().text()?,
                Shape::Number => member.raw(),
                _ => return None,
            })
        };
        let names = [plain, as_decimal].map(Name::as_str);
        let mut members = [None; 2];
        let is_usual = value.members().all(|member| {
            let at = names.iter().position(|name| name.eq_ignore_ascii_case(member.name()));
            // Nothing to choose from.
            at.is_none_or(|at| member.name() == names[at] && members[at].replace(member).is_none())
        });
        if !is_usual {
            members = [plain, as_decimal].map(|name| pick(value, name, |_| true));
        }
        let members = members.map(|member| member.filter(|member| !member.value().is_null()));
        let parsed = members.map(parse);
        let units = parsed[1].or(parsed[0]);
        let stands = |at: usize| members[at].filter(|_| parsed[at].is_some() && parsed[at] == units);
        Self { units, sources: [stands(0), stands(1)] }
    }

    /// Whether nothing of the member is lost when only the units are kept.
    fn stands_for(&self, member: Member<'t>) -> bool {
        self.sources.iter().flatten().any(|source| source.is(member))
    }
}
