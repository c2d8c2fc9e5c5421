//! Usage records as the Metering API writes them, and which answer belongs to which record.
//!
//! In: the request and response of a metering call. Out: [`Record`]s, and for each one the answer it got.
//! Never: assumes that answers come in the order of the request.

use std::collections::VecDeque;
use std::hash::Hash;

use hashbrown::HashMap;

use super::unmapped::Unmapped;
use crate::transform::tape::{Member, Shape, Value};
use crate::transform::{decimal, timestamp};

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
pub(crate) struct Record<'t> {
    pub(crate) customer_identifier: Option<&'t str>,
    pub(crate) customer_aws_account_id: Option<&'t str>,
    pub(crate) license_arn: Option<&'t str>,
    pub(crate) dimension: Option<&'t str>,
    /// Millionths.
    pub(crate) quantity: Option<i128>,
    pub(crate) time: Option<UsageTime<'t>>,
    pub(crate) allocations: Option<Vec<Allocation<'t>>>,
    /// Members and values without a column, under the path given to [`Record::read`].
    pub(crate) unmapped: Unmapped,
}

/// One element of `usageAllocations`; a null element has no member at all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Allocation<'t> {
    pub(crate) is_null: bool,
    /// Millionths.
    pub(crate) quantity: Option<i128>,
    pub(crate) tags: Option<Vec<Tag<'t>>>,
}

/// One cost-allocation tag; `None` for an element that is no object.
pub(crate) type Tag<'t> = Option<(Option<&'t str>, Option<&'t str>)>;

/// The member names of one form of record.
pub(crate) struct Spelling {
    dimension: &'static str,
    quantity: &'static str,
    quantity_as_decimal: &'static str,
}

/// A record of `BatchMeterUsage`.
pub(crate) const BATCH: Spelling =
    Spelling { dimension: "dimension", quantity: "quantity", quantity_as_decimal: "quantityAsDecimal" };

/// The request of `MeterUsage`.
pub(crate) const SINGLE: Spelling =
    Spelling { dimension: "usageDimension", quantity: "usageQuantity", quantity_as_decimal: "usageQuantityAsDecimal" };

impl<'t> Record<'t> {
    /// Reads a record; `other` is asked about every member that no record has, and `false` sends it to `unmapped`.
    pub(crate) fn read(
        value: Value<'t>,
        path: &str,
        spelling: &Spelling,
        mut other: impl FnMut(Member<'t>) -> bool,
    ) -> Self {
        let mut record = Self::default();
        let quantity = Quantity::read(value, spelling.quantity, spelling.quantity_as_decimal);
        record.quantity = quantity.units;
        let mut seen = Seen::default();
        for member in value.members().filter(|member| !member.value().is_null()) {
            let fits = match member.name() {
                name @ "customerIdentifier" if seen.is_first(name) => {
                    take_text(&mut record.customer_identifier, member)
                }
                name @ "licenseArn" if seen.is_first(name) => take_text(&mut record.license_arn, member),
                name @ "timestamp" if seen.is_first(name) => record.take_time(member),
                name @ "usageAllocations" if seen.is_first(name) => record.take_allocations(member),
                name if name == spelling.dimension && seen.is_first(name) => take_text(&mut record.dimension, member),
                name if name == spelling.quantity || name == spelling.quantity_as_decimal => {
                    quantity.stands_for(member)
                }
                // The documentation and the SDK disagree on the case of the last letters.
                name if name.eq_ignore_ascii_case("customerAWSAccountId") && seen.is_first(name) => {
                    take_text(&mut record.customer_aws_account_id, member)
                }
                _ => other(member),
            };
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

    /// What two records must share to be the same: texts, quantity by value, instant (or text, where it is no instant).
    fn identity(&self) -> impl Hash + Eq + use<'_, 't> {
        let time = self.time.map(|time| time.epoch_ms.ok_or(time.text));
        let customer = (self.customer_identifier, self.customer_aws_account_id, self.license_arn);
        (customer, self.dimension, self.quantity, time, self.allocations.as_deref())
    }

    /// Whether the two can be the same record, one of them told with fewer members.
    fn is_compatible(&self, other: &Self) -> bool {
        fn agree<T>(one: Option<&T>, two: Option<&T>, same: impl Fn(&T, &T) -> bool) -> bool {
            one.zip(two).is_none_or(|(one, two)| same(one, two))
        }
        fn same_text(one: Option<&str>, two: Option<&str>) -> bool {
            one.zip(two).is_none_or(|(one, two)| one == two)
        }
        self.dimension.is_some()
            && self.dimension == other.dimension
            && same_text(self.customer_identifier, other.customer_identifier)
            && same_text(self.customer_aws_account_id, other.customer_aws_account_id)
            && same_text(self.license_arn, other.license_arn)
            && agree(self.quantity.as_ref(), other.quantity.as_ref(), |one, two| one == two)
            && agree(self.time.as_ref(), other.time.as_ref(), UsageTime::same_as)
            && agree(self.allocations.as_ref(), other.allocations.as_ref(), |one, two| one == two)
    }
}

impl UsageTime<'_> {
    fn same_as(&self, other: &Self) -> bool {
        match (self.epoch_ms, other.epoch_ms) {
            (Some(one), Some(two)) => one == two,
            _ => self.text == other.text,
        }
    }
}

impl<'t> Allocation<'t> {
    fn read(value: Value<'t>, is_whole: &mut bool) -> Self {
        if !value.is_object() {
            *is_whole = false;
            return Self { is_null: true, ..Self::default() };
        }
        let quantity = Quantity::read(value, "allocatedUsageQuantity", "allocatedUsageQuantityAsDecimal");
        let mut allocation = Self { quantity: quantity.units, ..Self::default() };
        let mut seen = Seen::default();
        for member in value.members().filter(|member| !member.value().is_null()) {
            match member.name() {
                "allocatedUsageQuantity" | "allocatedUsageQuantityAsDecimal" => {
                    *is_whole &= quantity.stands_for(member);
                }
                name @ "tags" if seen.is_first(name) && member.value().shape() == Shape::Array => {
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
    let mut seen = Seen::default();
    for member in tag.members().filter(|member| !member.value().is_null()) {
        *is_whole &= match member.name() {
            name @ "key" if seen.is_first(name) => take_text(&mut key, member),
            name @ "value" if seen.is_first(name) => take_text(&mut value, member),
            _ => false,
        };
    }
    Some((key, value))
}

/// Names that have come, of those that are known: of a name that occurs twice, the first value counts, whatever it is.
#[derive(Default)]
pub(crate) struct Seen<'t> {
    /// There is room for all, and for some spellings of the one whose case does not count.
    names: [&'t str; 12],
    count: usize,
}

impl<'t> Seen<'t> {
    /// Whether a known name has not come before.
    pub(crate) fn is_first(&mut self, name: &'t str) -> bool {
        let is_new = !self.names[..self.count].contains(&name);
        match self.names.get_mut(self.count) {
            Some(place) if is_new => {
                *place = name;
                self.count += 1;
                true
            }
            _ => false,
        }
    }
}

/// Takes the text of a string; `false` when the value has none or the place is taken.
pub(crate) fn take_text<'t>(place: &mut Option<&'t str>, member: Member<'t>) -> bool {
    let text = member.value().text().filter(|_| place.is_none());
    *place = place.or(text);
    text.is_some()
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
    fn read(value: Value<'t>, plain: &str, as_decimal: &str) -> Self {
        let find = |name| value.members().find(|member| member.name() == name && !member.value().is_null());
        let parse = |member: Option<Member<'t>>| {
            let member = member?;
            decimal::parse_quantity(match member.value().shape() {
                Shape::String(_) => member.value().text()?,
                Shape::Number => member.raw(),
                _ => return None,
            })
        };
        let members = [find(plain), find(as_decimal)];
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

/// Pairs that the second pass of [`match_answers`] may look at: a real call has at most 25 records on either side.
const MOST_COMPARISONS: usize = 1_000_000;

/// For each of `requests` the position of its answer among `answers`.
///
/// A multiset match: every answer is given once, to the first record that says the same; what is left is matched by
/// the members that both sides have, since an echo may leave some out.
pub(crate) fn match_answers(requests: &[Record<'_>], answers: &[&Record<'_>]) -> Vec<Option<usize>> {
    // Answers mostly come in the order of the request: as long as they do, each is the first free one that fits.
    let pairs = requests.iter().zip(answers);
    let in_order = pairs.take_while(|(request, answer)| request.identity() == answer.identity()).count();
    let mut matches: Vec<Option<usize>> = (0..in_order).map(Some).collect();
    if in_order == requests.len() {
        return matches;
    }
    let mut free: HashMap<_, VecDeque<usize>> = HashMap::with_capacity(answers.len() - in_order);
    for (at, answer) in answers.iter().enumerate().skip(in_order) {
        free.entry(answer.identity()).or_default().push_back(at);
    }
    matches.extend(requests[in_order..].iter().map(|request| free.get_mut(&request.identity())?.pop_front()));
    let mut left: Vec<usize> = free.into_values().flatten().collect();
    left.sort_unstable();
    let unmatched = matches.iter().filter(|found| found.is_none()).count();
    if unmatched.saturating_mul(left.len()) <= MOST_COMPARISONS {
        for (request, found) in requests.iter().zip(&mut matches).filter(|(_, found)| found.is_none()) {
            let compatible = left.iter().position(|at| request.is_compatible(answers[*at]));
            *found = compatible.map(|position| left.remove(position));
        }
    }
    matches
}
