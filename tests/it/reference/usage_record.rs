//! One usage record in any place: in a `BatchMeterUsage` request, echoed in its response, or spread over the
//! parameters of `MeterUsage`.

use super::json::{self, Name, Unmapped};
use super::number::Number;
use super::{Allocation, Row, Tag, Value, set, time};

/// A usage record as columns, and what did not fit into them.
#[derive(Clone, Debug, Default)]
pub struct UsageRecord {
    pub columns: Row,
    pub unmapped: Unmapped,
    /// The record verbatim; none where a list has null, or a result has none.
    pub text: Option<String>,
    pub spelling: Spelling,
}

/// Distinguishes records that mean the same: the JSON of their members, without white space and escapes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spelling {
    pub time: Option<String>,
    /// Of the plain member and of the decimal one.
    pub quantity: Option<(Option<String>, Option<String>)>,
    pub allocations: Option<String>,
    /// All other members by name, in any order.
    pub others: Option<Vec<(Name, String)>>,
}

/// The members of the Metering API, as CloudTrail writes them: its SDKs begin them with a capital letter.
pub const API_MEMBERS: [&str; 25] = [
    "allocatedUsageQuantity",
    "allocatedUsageQuantityAsDecimal",
    "clientToken",
    "customerAWSAccountId",
    "customerIdentifier",
    "dimension",
    "dryRun",
    "key",
    "licenseArn",
    "meteringRecordId",
    "productCode",
    "quantity",
    "quantityAsDecimal",
    "results",
    "status",
    "tags",
    "timestamp",
    "unprocessedRecords",
    "usageAllocations",
    "usageDimension",
    "usageQuantity",
    "usageQuantityAsDecimal",
    "usageRecord",
    "usageRecords",
    "value",
];

/// The member of the API with this name, in any letter case.
pub fn api_member(name: &Name) -> Option<&'static str> {
    let name = String::from_utf16(name).ok()?;
    API_MEMBERS.into_iter().find(|known| known.eq_ignore_ascii_case(&name))
}

/// The position of the member that counts, when an object has one of the API several times: an empty list counts least, a
/// name as AWS writes it more than one in another letter case, and of equals the first counts.
pub fn speaker(members: &[(Name, &str)], wanted: &str, fits: impl Fn(&str) -> bool) -> Option<usize> {
    let is_it = |(name, value): &(Name, &str)| api_member(name) == Some(wanted) && !json::is_null(value) && fits(value);
    let found = (0..members.len()).filter(|position| is_it(&members[*position]));
    found.min_by_key(|position| {
        let (name, value) = &members[*position];
        let is_empty = json::elements(value).is_some_and(|elements| elements.is_empty());
        // The documentation and the SDK disagree about one.
        let is_usual = *name == json::name(wanted)
            || *name == json::name("customerAWSAccountID") && wanted == "customerAWSAccountId";
        (is_empty, !is_usual, *position)
    })
}

/// The value of that member.
fn api_value<'a>(object: &'a str, wanted: &str) -> Option<&'a str> {
    let members = json::members(object)?;
    speaker(&members, wanted, |_| true).map(|position| members[position].1)
}

/// The two spellings of a record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A record of a batch, in the request or in the response.
    Batch,
    /// `requestParameters` of `MeterUsage`, which holds the call's own members too.
    Meter,
}

impl UsageRecord {
    /// Reads the record at `path`. An element that is no object is a record without members.
    pub fn read(path: &[Name], value: &str, form: Form) -> Self {
        if json::is_null(value) {
            return Self::default();
        }
        let mut record = Self { text: Some(value.to_owned()), ..Self::default() };
        let Some(members) = json::members(value) else {
            record.unmapped.push(path, value);
            return record;
        };
        let (plain_name, decimal_name) = match form {
            Form::Batch => ("quantity", "quantityAsDecimal"),
            Form::Meter => ("usageQuantity", "usageQuantityAsDecimal"),
        };
        let quantity = Quantity::read(value, plain_name, decimal_name);
        set(&mut record.columns, "quantity", quantity.value.map(Value::Decimal));
        record.spelling = Spelling::of(&members, plain_name, decimal_name);
        for (position, (name, value)) in members.iter().enumerate() {
            let fits = match api_member(name) {
                _ if json::is_null(value) => true,
                None => false,
                // Only one can be in the column.
                Some(member) if speaker(&members, member, |_| true) != Some(position) => false,
                Some(member) if member == plain_name => quantity.tells_plain,
                Some(member) if member == decimal_name => quantity.tells_decimal,
                Some(member) => record.take(member, value, form),
            };
            if !fits {
                record.unmapped.push(&[path, std::slice::from_ref(name)].concat(), value);
            }
        }
        record
    }

    /// Reads a non-null member into its column, once; false when the column does not hold all of it.
    fn take(&mut self, name: &str, value: &str, form: Form) -> bool {
        match (name, form) {
            ("dimension", Form::Batch) | ("usageDimension", Form::Meter) => self.take_text("dimension", value),
            ("customerIdentifier", _) => self.take_text("customer_identifier", value),
            ("licenseArn", _) => self.take_text("license_arn", value),
            ("customerAWSAccountId", _) => self.take_text("customer_aws_account_id", value),
            ("timestamp", _) => self.take_timestamp(value),
            ("usageAllocations", _) => {
                let (allocations, exact) = read_allocations(value);
                set(&mut self.columns, "usage_allocations", allocations);
                exact
            }
            ("productCode", Form::Meter) => self.take_text("product_code", value),
            ("clientToken", Form::Meter) => self.take_text("client_token", value),
            ("dryRun", Form::Meter) => {
                let boolean = json::boolean(value).map(|(boolean, _)| Value::Bool(boolean));
                let fits = boolean.is_some();
                set(&mut self.columns, "dry_run", boolean);
                fits
            }
            _ => false,
        }
    }

    fn take_text(&mut self, column: &str, value: &str) -> bool {
        let text = json::text(value);
        let fits = text.is_some();
        set(&mut self.columns, column, text.map(Value::Text));
        fits
    }

    /// A timestamp that cannot be parsed is not lost: the text column has it.
    fn take_timestamp(&mut self, value: &str) -> bool {
        let (text, ms) = match json::text(value) {
            Some(text) => {
                let ms = time::usage_text(&text);
                (text, ms)
            }
            None if Number::parse(value).is_some() => (value.to_owned(), time::epoch(value)),
            None => return false,
        };
        set(&mut self.columns, "usage_timestamp_text", Some(Value::Text(text)));
        set(&mut self.columns, "usage_timestamp", ms.map(Value::TimestampMs));
        true
    }
}

/// Whether a member of the API is among these, and not null.
fn is_said(member: &str, members: &[(Name, &str)]) -> bool {
    members.iter().any(|(name, value)| api_member(name) == Some(member) && !json::is_null(value))
}

impl Spelling {
    fn of(members: &[(Name, &str)], plain_name: &str, decimal_name: &str) -> Self {
        let mut others = Vec::new();
        let (mut time, mut plain, mut decimal, mut allocations) = (None, None, None, None);
        for (position, (name, value)) in members.iter().enumerate().filter(|(_, (_, value))| !json::is_null(value)) {
            let speaks = |member: &str| speaker(members, member, |_| true) == Some(position);
            let place = match api_member(name).filter(|member| speaks(member)) {
                Some("timestamp") => Some(&mut time),
                Some("usageAllocations") => Some(&mut allocations),
                Some(member) if member == plain_name => Some(&mut plain),
                Some(member) if member == decimal_name => Some(&mut decimal),
                _ => None,
            };
            if let Some(place) = place {
                *place = Some(json::respelled(value));
            } else {
                let name = api_member(name).map_or_else(|| name.clone(), json::name);
                others.push((name, json::respelled(value)));
            }
        }
        others.sort();
        let quantity = (plain.is_some() || decimal.is_some()).then_some((plain, decimal));
        Self { time, quantity, allocations, others: Some(others) }
    }
}

/// The quantity that two members state.
struct Quantity {
    /// Millionths.
    value: Option<i128>,
    /// Whether `value` is all of the plain member.
    tells_plain: bool,
    /// Whether `value` is all of the `…AsDecimal` member.
    tells_decimal: bool,
}

impl Quantity {
    fn read(object: &str, plain: &str, decimal: &str) -> Self {
        let read = |name: &str| api_value(object, name).and_then(millionths);
        let (plain, decimal) = (read(plain), read(decimal));
        let value = decimal.or(plain);
        Self { value, tells_plain: plain.is_some() && plain == value, tells_decimal: decimal.is_some() }
    }
}

/// A JSON number, or a string that holds one, when DECIMAL(18,6) holds its value.
fn millionths(value: &str) -> Option<i128> {
    let number = match json::text(value) {
        Some(text) => Number::parse(&text),
        None => Number::parse(value),
    };
    number?.millionths()
}

/// The part of `usageAllocations` that fits its column, and whether that is all of it.
fn read_allocations(value: &str) -> (Option<Value>, bool) {
    let Some(elements) = json::elements(value) else {
        return (None, false);
    };
    let mut exact = true;
    let mut allocations = Vec::new();
    for element in elements {
        let Some(members) = json::members(element) else {
            exact = false;
            allocations.push(None);
            continue;
        };
        let (plain_name, decimal_name) = ("allocatedUsageQuantity", "allocatedUsageQuantityAsDecimal");
        let quantity = Quantity::read(element, plain_name, decimal_name);
        let tags = api_value(element, "tags").map(read_tags);
        exact &= members.iter().filter(|(_, value)| !json::is_null(value)).all(|(name, _)| match api_member(name) {
            Some(name) if name == plain_name => quantity.tells_plain,
            Some(name) if name == decimal_name => quantity.tells_decimal,
            Some("tags") => tags.as_ref().is_some_and(|(_, exact)| *exact),
            _ => false,
        });
        exact &= !any_twice(&members);
        allocations.push(Some(Allocation { quantity: quantity.value, tags: tags.and_then(|(tags, _)| tags) }));
    }
    (Some(Value::Allocations(allocations)), exact)
}

fn read_tags(value: &str) -> (Option<Vec<Option<Tag>>>, bool) {
    let Some(elements) = json::elements(value) else {
        return (None, false);
    };
    let mut exact = true;
    let mut tags = Vec::new();
    for element in elements {
        let Some(members) = json::members(element) else {
            exact = false;
            tags.push(None);
            continue;
        };
        let is_known = |name: &Name| matches!(api_member(name), Some("key" | "value"));
        exact &=
            members.iter().all(|(name, value)| json::is_null(value) || (is_known(name) && json::text(value).is_some()));
        exact &= !any_twice(&members);
        let text = |name: &str| api_value(element, name).and_then(json::text);
        tags.push(Some(Tag { key: text("key"), value: text("value") }));
    }
    (Some(tags), exact)
}

fn any_twice(members: &[(Name, &str)]) -> bool {
    let of_the_api = members
        .iter()
        .enumerate()
        .filter_map(|(position, (name, value))| (!json::is_null(value)).then_some((position, api_member(name)?)));
    of_the_api.into_iter().any(|(position, member)| is_said(member, &members[..position]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks columns (as `Debug` shows them) and `unmapped` of a record at the path `r`.
    #[track_caller]
    fn check(record: &str, form: Form, columns: &[(&str, &str)], unmapped: Option<&str>) {
        let read = UsageRecord::read(&[json::name("r")], record, form);
        let shown: Vec<(String, String)> =
            read.columns.into_iter().map(|(column, value)| (column, format!("{value:?}"))).collect();
        let expected: Vec<(String, String)> =
            columns.iter().map(|&(column, value)| (column.to_owned(), value.to_owned())).collect();
        assert_eq!(shown, expected, "columns of {record}");
        assert_eq!(read.unmapped.into_text().as_deref(), unmapped, "unmapped of {record}");
    }

    #[test]
    fn the_decimal_member_wins_and_a_different_plain_one_is_kept_aside() {
        let three_halves = ("quantity", "1500000 millionths");
        check(r#"{"quantity":1.5}"#, Form::Batch, &[three_halves], None);
        check(r#"{"quantity":"15E-1"}"#, Form::Batch, &[three_halves], None);
        check(r#"{"quantityAsDecimal":"1.50"}"#, Form::Batch, &[three_halves], None);
        check(r#"{"quantity":1.500,"quantityAsDecimal":"1.5"}"#, Form::Batch, &[three_halves], None);
        check(r#"{"quantity":0,"quantityAsDecimal":"1.5"}"#, Form::Batch, &[three_halves], Some(r#"{"r.quantity":0}"#));
        check(
            r#"{"quantity":1.5,"quantityAsDecimal":"x"}"#,
            Form::Batch,
            &[three_halves],
            Some(r#"{"r.quantityAsDecimal":"x"}"#),
        );
        check(
            r#"{"quantityAsDecimal":1e12,"quantity":"1e-7"}"#,
            Form::Batch,
            &[],
            Some(r#"{"r.quantityAsDecimal":1e12,"r.quantity":"1e-7"}"#),
        );
        check(r#"{"quantity":null,"quantityAsDecimal":null}"#, Form::Batch, &[], None);
        check(r#"{"quantity":true}"#, Form::Batch, &[], Some(r#"{"r.quantity":true}"#));
        check(r#"{"usageQuantity":1.5,"usageQuantityAsDecimal":1.5}"#, Form::Meter, &[three_halves], None);
        check(r#"{"usageQuantity":1.5}"#, Form::Batch, &[], Some(r#"{"r.usageQuantity":1.5}"#));
    }

    #[test]
    fn members_come_in_any_letter_case() {
        for name in ["customerAWSAccountId", "customerAWSAccountID", "customerAwsAccountId", "CUSTOMERAWSACCOUNTID"] {
            check(&format!(r#"{{"{name}":"1"}}"#), Form::Batch, &[("customer_aws_account_id", "\"1\"")], None);
        }
        check(
            r#"{"customerAWSAccountId":null,"customerAWSAccountID":"2","customerAwsAccountId":"3"}"#,
            Form::Meter,
            &[("customer_aws_account_id", "\"2\"")],
            Some(r#"{"r.customerAwsAccountId":"3"}"#),
        );
        // Of two spellings the usual one counts; otherwise the first, as for a member that comes twice.
        let d = ("dimension", "\"d\"");
        check(r#"{"Dimension":"x","dimension":"d"}"#, Form::Batch, &[d], Some(r#"{"r.Dimension":"x"}"#));
        check(r#"{"dimension":"d","Dimension":"x"}"#, Form::Batch, &[d], Some(r#"{"r.Dimension":"x"}"#));
        check(r#"{"DIMENSION":"d","Dimension":"x"}"#, Form::Batch, &[d], Some(r#"{"r.Dimension":"x"}"#));
        check(r#"{"Dimension":"d","dimension":1}"#, Form::Batch, &[], Some(r#"{"r.Dimension":"d","r.dimension":1}"#));
        check(r#"{"Dimension":"d","dimension":null}"#, Form::Batch, &[d], None);
        check(r#"{"Dimension":"d","dimension":[]}"#, Form::Batch, &[d], Some(r#"{"r.dimension":[]}"#));
        check(
            r#"{"Quantity":2,"quantity":1}"#,
            Form::Batch,
            &[("quantity", "1000000 millionths")],
            Some(r#"{"r.Quantity":2}"#),
        );
        check(
            r#"{"usageAllocations":[],"UsageAllocations":[{"Tags":[],"tags":[{"Key":"x","key":"k"}]}]}"#,
            Form::Batch,
            &[(
                "usage_allocations",
                r#"[Some(Allocation { quantity: None, tags: Some([Some(Tag { key: Some("k"), value: None })]) })]"#,
            )],
            Some(r#"{"r.usageAllocations":[],"r.UsageAllocations":[{"Tags":[],"tags":[{"Key":"x","key":"k"}]}]}"#),
        );
        for name in ["Dimension", "DIMENSION", "dimensioN"] {
            check(&format!(r#"{{"{name}":"d"}}"#), Form::Batch, &[("dimension", "\"d\"")], None);
        }
        check(
            r#"{"UsageDimension":"d","UsageQuantity":1,"DryRun":true,"ClientToken":"c","ProductCode":"p"}"#,
            Form::Meter,
            &[
                ("client_token", "\"c\""),
                ("dimension", "\"d\""),
                ("dry_run", "true"),
                ("product_code", "\"p\""),
                ("quantity", "1000000 millionths"),
            ],
            None,
        );
        let allocations = r#"{"UsageAllocations":[{"AllocatedUsageQuantity":1,"Tags":[{"Key":"k","Value":"v"}]}]}"#;
        let read = r#"[Some(Allocation { quantity: Some(1000000), tags: Some([Some(Tag { key: Some("k"), value: Some("v") })]) })]"#;
        check(allocations, Form::Batch, &[("usage_allocations", read)], None);
        check(r#"{"usage_dimension":"d"}"#, Form::Meter, &[], Some(r#"{"r.usage_dimension":"d"}"#));
    }

    #[test]
    fn timestamps_keep_their_text() {
        let check = |value: &str, columns: &[(&str, &str)], fits: bool| {
            let unmapped = format!(r#"{{"r.timestamp":{value}}}"#);
            check(&format!(r#"{{"timestamp":{value}}}"#), Form::Batch, columns, (!fits).then_some(&unmapped));
        };
        let instant = ("usage_timestamp", "1765301491000 ms (2025-12-09)");
        check(
            r#""Dec 9, 2025, 5:31:31\u202fPM""#,
            &[instant, ("usage_timestamp_text", r#""Dec 9, 2025, 5:31:31\u{202f}PM""#)],
            true,
        );
        check("1765301491", &[instant, ("usage_timestamp_text", r#""1765301491""#)], true);
        check("1.765301491E12", &[instant, ("usage_timestamp_text", r#""1.765301491E12""#)], true);
        check(r#""1765301491000""#, &[instant, ("usage_timestamp_text", r#""1765301491000""#)], true);
        check(r#""soon""#, &[("usage_timestamp_text", r#""soon""#)], true);
        check("1e300", &[("usage_timestamp_text", r#""1e300""#)], true);
        check("[1]", &[], false);
        check(r#""\ud800""#, &[], false);
    }

    #[test]
    fn allocations_keep_what_fits_and_deviations_as_a_whole() {
        let check = |array: &str, expected: &str, exact: bool| {
            let unmapped = format!(r#"{{"r.usageAllocations":{array}}}"#);
            check(
                &format!(r#"{{"usageAllocations":{array}}}"#),
                Form::Batch,
                &[("usage_allocations", expected)],
                (!exact).then_some(&unmapped),
            );
        };
        let two = r#"[Some(Allocation { quantity: Some(2000000), tags: Some([Some(Tag { key: Some("k"), value: Some("v") })]) })]"#;
        check(r#"[{"allocatedUsageQuantity":2,"tags":[{"key":"k","value":"v"}]}]"#, two, true);
        check(r#"[{"tags":[{"value":"v","key":"k"}],"allocatedUsageQuantityAsDecimal":"2.0"}]"#, two, true);
        check(
            r#"[{"allocatedUsageQuantity":1,"allocatedUsageQuantityAsDecimal":2,"tags":[{"key":"k","value":"v"}]}]"#,
            two,
            false,
        );
        check(r#"[{"allocatedUsageQuantity":2,"tags":[{"key":"k","value":"v","x":1}]}]"#, two, false);
        check(r#"[{"allocatedUsageQuantity":2,"x":{},"tags":[{"key":"k","value":"v"}]}]"#, two, false);
        let bare = "[Some(Allocation { quantity: None, tags: None })]";
        check("[{}]", bare, true);
        check(r#"[{"tags":null}]"#, bare, true);
        check(r#"[{"allocatedUsageQuantity":"much"}]"#, bare, false);
        check(r#"[{"tags":{}}]"#, bare, false);
        check("[]", "[]", true);
        check("[1]", "[None]", false);
        let odd_tags =
            "[Some(Allocation { quantity: None, tags: Some([None, Some(Tag { key: None, value: None })]) })]";
        check(r#"[{"tags":["x",{"key":1}]}]"#, odd_tags, false);
    }

    #[test]
    fn meter_usage_has_members_of_its_own() {
        check(
            r#"{"productCode":"p","timestamp":0,"usageDimension":"d","dryRun":"true","clientToken":"c","dimension":"e"}"#,
            Form::Meter,
            &[
                ("client_token", "\"c\""),
                ("dimension", "\"d\""),
                ("dry_run", "true"),
                ("product_code", "\"p\""),
                ("usage_timestamp", "0 ms (1970-01-01)"),
                ("usage_timestamp_text", "\"0\""),
            ],
            Some(r#"{"r.dimension":"e"}"#),
        );
        check(r#"{"dryRun":"yes"}"#, Form::Meter, &[], Some(r#"{"r.dryRun":"yes"}"#));
        check(r#"{"dryRun":true}"#, Form::Batch, &[], Some(r#"{"r.dryRun":true}"#));
    }

    #[test]
    fn elements_that_are_no_objects_are_records_without_members() {
        check("7", Form::Batch, &[], Some(r#"{"r":7}"#));
        check("null", Form::Batch, &[], None);
    }
}
