//! How records are spelled. In: records. Out: their JSON text in any of the forms that trails have had.
//! Never decides which form a call uses, nor what becomes of a record.

use super::record::{CustomerForm, MILLION, MeteringRecord, Product};
use crate::generate::prng::{Prng, Weighted, word};
use crate::generate::text::{self, put};
use crate::generate::trail::Trail;

const TAG_KEYS: [&str; 5] = ["CostCenter", "BusinessUnit", "Environment", "AccountId", "team:name"];
const TAG_VALUES: [&str; 8] =
    ["Operations", "Finance", "prod", "staging", "R+D", "emea/retail", "1003", "platform@example.com"];

/// The forms that moments are written in, as `strftime` takes them, with their frequencies: what JDK 8 writes dominates in
/// all published samples.
const STAMPS: [(&str, u32); 11] = [
    (r#""%b %-d, %Y %-I:%M:%S %p""#, 9_280),
    (r#""%b %-d, %Y, %-I:%M:%S %p""#, 260),
    ("\"%b %-d, %Y, %-I:%M:%S\u{202f}%p\"", 90),
    (r#""%b %-d, %Y, %-I:%M:%S\u202f%p""#, 70),
    ("\"%b %-d, %Y %-I:%M:%S\u{a0}%p\"", 40),
    (r#""%Y-%m-%dT%H:%M:%SZ""#, 140),
    (r#""%Y-%m-%dT%H:%M:%S.000Z""#, 20),
    ("%s", 40),
    (r#""%s""#, 20),
    ("%s000", 20),
    (r#""%s000""#, 20),
];

/// Draws forms by their frequency.
#[derive(Debug)]
pub(super) struct Stamps(Weighted);

impl Stamps {
    pub(super) fn new() -> Self {
        Self(Weighted::new(STAMPS.map(|(_, weight)| weight)))
    }

    pub(super) fn draw(&self, rng: &mut Prng) -> &'static str {
        STAMPS[self.0.draw(rng)].0
    }
}

/// Any form, rare ones as likely as the others.
pub(super) fn any_stamp(rng: &mut Prng) -> &'static str {
    STAMPS[rng.pick(STAMPS.len())].0
}

/// How a quantity is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    Integer,
    /// `17.0`, as before July 2021.
    Float,
    /// `17e0`
    Exponent,
    /// `quantityAsDecimal` with a string.
    Decimal,
    /// The same, and beside it the integer member with its default, 0.
    DecimalBesideDefault,
}

/// How records are spelled; request and response of one call can differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spelling {
    pub(super) customers: CustomerForm,
    pub(super) stamp: &'static str,
    pub(super) number: Number,
}

/// Appends the record as an object.
pub(super) fn push_record(
    trail: &Trail,
    product: &Product,
    record: &MeteringRecord,
    spelling: Spelling,
    out: &mut Vec<u8>,
) {
    let mut rng = Prng::new(record.seed);
    put(out, "{\"dimension\":\"");
    put(out, record.dimension);
    put(out, "\",\"timestamp\":");
    push_stamp(out, record.time, spelling.stamp, &mut rng);
    push_customer(trail, product, record.customer, spelling.customers, out);
    push_quantity(out, ["quantity", "quantityAsDecimal"], record.quantity, spelling.number);
    push_allocations(out, record.allocations, record.quantity, spelling.number, &mut rng);
    if record.unknown {
        put(out, ",\"usageWindow\":{\"minutes\":60,\"source\":\"agent/2.");
        text::push_decimal(out, rng.below(30));
        put(out, "\"}");
    }
    out.push(b'}');
}

fn push_customer(trail: &Trail, product: &Product, customer: usize, form: CustomerForm, out: &mut Vec<u8>) {
    use CustomerForm::{Account, Identifier, IdentifierAndAccount, IdentifierAndAccountUpper, License};
    if matches!(form, Identifier | IdentifierAndAccount | IdentifierAndAccountUpper) {
        put(out, ",\"customerIdentifier\":\"");
        product.push_identifier(trail, customer, out);
        out.push(b'"');
    }
    if form != Identifier {
        put(
            out,
            if form == IdentifierAndAccountUpper {
                ",\"customerAWSAccountID\":\""
            } else {
                ",\"customerAWSAccountId\":\""
            },
        );
        product.push_account(trail, customer, out);
        out.push(b'"');
    }
    match form {
        License => {
            put(out, ",\"licenseArn\":\"");
            product.push_license(trail, customer, out);
            out.push(b'"');
        }
        Identifier | IdentifierAndAccount | IdentifierAndAccountUpper | Account => {}
    }
}

/// Appends a moment in a form of [`STAMPS`].
pub(super) fn push_stamp(out: &mut Vec<u8>, time: i64, stamp: &str, rng: &mut Prng) {
    text::push_time(out, time, stamp);
    // One number is discarded: archives have been drawn so since the first version.
    rng.next();
}

/// `names` are the member for integers and the one for decimals.
pub(super) fn push_quantity(out: &mut Vec<u8>, names: [&str; 2], quantity: u64, number: Number) {
    let decimal = matches!(number, Number::Decimal | Number::DecimalBesideDefault);
    if number == Number::DecimalBesideDefault {
        put(out, ",\"");
        put(out, names[0]);
        put(out, "\":0");
    }
    put(out, ",\"");
    put(out, names[usize::from(decimal)]);
    put(out, "\":");
    push_number(out, quantity, number);
}

fn push_number(out: &mut Vec<u8>, quantity: u64, number: Number) {
    let decimal = matches!(number, Number::Decimal | Number::DecimalBesideDefault);
    if decimal {
        out.push(b'"');
    }
    text::push_decimal(out, quantity / MILLION);
    let fraction = quantity % MILLION;
    match number {
        _ if fraction > 0 => {
            out.push(b'.');
            text::push_padded(out, fraction, 6);
            while out.last() == Some(&b'0') {
                out.pop();
            }
        }
        Number::Float => put(out, ".0"),
        Number::Exponent => put(out, "e0"),
        Number::Integer | Number::Decimal | Number::DecimalBesideDefault => {}
    }
    if decimal {
        out.push(b'"');
    }
}

/// Splits the quantity over tag sets; the parts add up to it, as the API demands.
pub(super) fn push_allocations(out: &mut Vec<u8>, count: usize, quantity: u64, number: Number, rng: &mut Prng) {
    if count == 0 {
        return;
    }
    put(out, ",\"usageAllocations\":[");
    let parts = word(count);
    let part = quantity / MILLION / parts * MILLION;
    for allocation in 0..parts {
        if allocation > 0 {
            out.push(b',');
        }
        let last = allocation + 1 == parts;
        let share = if last { quantity - part * (parts - 1) } else { part };
        let decimal = matches!(number, Number::Decimal | Number::DecimalBesideDefault);
        put(out, if decimal { "{\"allocatedUsageQuantityAsDecimal\":" } else { "{\"allocatedUsageQuantity\":" });
        push_number(out, share, number);
        // An allocation without tags takes the rest.
        if !(last && rng.percent(10)) {
            push_tags(out, allocation, rng);
        }
        out.push(b'}');
    }
    out.push(b']');
}

fn push_tags(out: &mut Vec<u8>, allocation: u64, rng: &mut Prng) {
    put(out, ",\"tags\":[");
    let count = 1 + rng.skewed(TAG_KEYS.len());
    for (position, key) in TAG_KEYS.iter().take(count).enumerate() {
        put(out, if position > 0 { ",{\"key\":\"" } else { "{\"key\":\"" });
        put(out, key);
        put(out, "\",\"value\":\"");
        put(out, TAG_VALUES[rng.pick(TAG_VALUES.len())]);
        // Tag sets of one record differ.
        out.push(b'-');
        text::push_decimal(out, allocation);
        put(out, "\"}");
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(write: impl FnOnce(&mut Vec<u8>), expected: &str) {
        let mut out = Vec::new();
        write(&mut out);
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }

    #[test]
    fn quantities_are_spelled_exactly() {
        check(|out| push_number(out, 17 * MILLION, Number::Integer), "17");
        check(|out| push_number(out, 17 * MILLION, Number::Float), "17.0");
        check(|out| push_number(out, 17 * MILLION, Number::Exponent), "17e0");
        check(|out| push_number(out, 1_500_000, Number::Decimal), "\"1.5\"");
        check(|out| push_number(out, 1, Number::Decimal), "\"0.000001\"");
        check(|out| push_number(out, 0, Number::Decimal), "\"0\"");
    }

    #[test]
    fn moments_are_spelled_in_every_form() {
        let time = 1_595_468_144;
        let stamp = |at: usize| move |out: &mut Vec<u8>| push_stamp(out, time, STAMPS[at].0, &mut Prng::new(0));
        check(stamp(0), "\"Jul 23, 2020 1:35:44 AM\"");
        check(stamp(2), "\"Jul 23, 2020, 1:35:44\u{202f}AM\"");
        check(stamp(3), "\"Jul 23, 2020, 1:35:44\\u202fAM\"");
        check(stamp(6), "\"2020-07-23T01:35:44.000Z\"");
        check(stamp(7), "1595468144");
        check(stamp(10), "\"1595468144000\"");
    }
}
