//! Changes to JSON text that leave most of it JSON: members and elements doubled, lost, moved and spelled differently.
//!
//! In: text of any kind and a seed. Out: the same with a few changes. Never: needs the text to be valid.

use std::ops::Range;

/// Names that mean something somewhere in an archive.
const NAMES: &[&str] = &[
    "Records",
    "eventTime",
    "eventID",
    "eventId",
    "eventVersion",
    "eventSource",
    "EventSource",
    "eventName",
    "eventType",
    "eventCategory",
    "awsRegion",
    "recipientAccountId",
    "readOnly",
    "managementEvent",
    "sourceIPAddress",
    "userAgent",
    "errorCode",
    "errorMessage",
    "requestID",
    "userIdentity",
    "type",
    "principalId",
    "arn",
    "ARN",
    "accountId",
    "userName",
    "invokedBy",
    "onBehalfOf",
    "userId",
    "inScopeOf",
    "sessionContext",
    "attributes",
    "mfaAuthenticated",
    "creationDate",
    "sessionIssuer",
    "webIdFederationData",
    "federatedProvider",
    "requestParameters",
    "responseElements",
    "additionalEventData",
    "resources",
    "tlsDetails",
    "tlsVersion",
    "sessionCredentialFromConsole",
    "addendum",
    "productCode",
    "licenseArn",
    "customerIdentifier",
    "customerAWSAccountId",
    "customerAWSAccountID",
    "dimension",
    "usageDimension",
    "quantity",
    "quantityAsDecimal",
    "usageQuantity",
    "timestamp",
    "usageRecords",
    "usageRecord",
    "usageAllocations",
    "allocatedUsageQuantity",
    "allocatedUsageQuantityAsDecimal",
    "tags",
    "key",
    "value",
    "results",
    "unprocessedRecords",
    "status",
    "meteringRecordId",
    "dryRun",
    "clientToken",
    "omitted",
    "",
    "a.b",
    "event\\u004eame",
    "\\ud800",
    "r\\\\s",
];

/// Values that some code has an opinion about.
const VALUES: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "-0",
    "1.10",
    "-1",
    "123456789012345678901234567890",
    "1e400",
    "1E-7",
    "0.000001",
    "999999999999.999999",
    "1752300000",
    "1752300000123",
    "\"\"",
    "\"true\"",
    "\"false\"",
    "\"\\ud800\"",
    "\"\\ud83d\\ude00\"",
    "\"\u{e9}\"",
    "\"2018-04-19T16:32:51Z\"",
    "\"2018-04-19T16:32:51.5+02:00\"",
    "\"20180419T163251Z\"",
    "\"Apr 19, 2018 4:32:50 PM\"",
    "\"Success\"",
    "\"CustomerNotSubscribed\"",
    "\"DuplicateRecord\"",
    "\"metering-marketplace.amazonaws.com\"",
    "\"BatchMeterUsage\"",
    "\"MeterUsage\"",
    "\"aws:s3\"",
    "\"a\"",
    "{}",
    "[]",
    "[null]",
    "[{}]",
    "{\"omitted\":true}",
    "[{\"ARN\":\"a\",\"accountId\":\"1\",\"type\":\"t\"}]",
    "{\"type\":\"IAMUser\",\"accountId\":\"1\"}",
    "{\"usageRecords\":[{\"dimension\":\"d\",\"quantity\":1},{\"dimension\":\"d\",\"quantity\":\"1.0\"}]}",
    "{\"results\":[{\"usageRecord\":{\"dimension\":\"d\",\"quantity\":1},\"status\":\"Success\"}]}",
];

const SPACES: &[&str] = &[" ", "\n", "\t", "\r\n", "   "];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Open,
    Close,
    Colon,
    Comma,
    String,
    Word,
}

struct Token {
    kind: Kind,
    range: Range<usize>,
}

/// Splits any text into tokens; white space is between them.
fn tokens(text: &[u8]) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let start = at;
        at += 1;
        let kind = match text[start] {
            b' ' | b'\n' | b'\r' | b'\t' => continue,
            b'{' | b'[' => Kind::Open,
            b'}' | b']' => Kind::Close,
            b':' => Kind::Colon,
            b',' => Kind::Comma,
            b'"' => {
                while at < text.len() && text[at] != b'"' {
                    at += if text[at] == b'\\' { 2 } else { 1 };
                }
                at = text.len().min(at + 1);
                Kind::String
            }
            _ => {
                while at < text.len() && !b" \n\r\t{}[]:,\"".contains(&text[at]) {
                    at += 1;
                }
                Kind::Word
            }
        };
        tokens.push(Token { kind, range: start..at });
    }
    tokens
}

/// A small random generator (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end.max(1)
    }

    fn pick<'a>(&mut self, options: &[&'a str]) -> &'a str {
        options[self.below(options.len())]
    }
}

/// Changes a text, to at most `most` bytes.
pub fn mutate(text: &[u8], most: usize, seed: u32) -> Vec<u8> {
    let mut dice = Dice(u64::from(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut text = text.to_vec();
    for _ in 0..=dice.below(4) {
        let changed = change(&text, &mut dice);
        if changed.len() <= most {
            text = changed;
        }
    }
    text
}

fn change(text: &[u8], dice: &mut Dice) -> Vec<u8> {
    let tokens = tokens(text);
    if tokens.is_empty() {
        return dice.pick(VALUES).as_bytes().to_vec();
    }
    let replaced = |range: Range<usize>, with: &[u8]| [&text[..range.start], with, &text[range.end..]].concat();
    let at = dice.below(tokens.len());
    let token = &tokens[at];
    let is_name =
        |at: usize| tokens[at].kind == Kind::String && tokens.get(at + 1).is_some_and(|next| next.kind == Kind::Colon);
    // The whole member or element that begins here, and where its value begins.
    let value_at = if is_name(at) { (at + 2).min(tokens.len() - 1) } else { at };
    let value = tokens[value_at].range.start..value_end(&tokens, value_at);
    let whole = token.range.start..value.end.max(token.range.end);
    match dice.below(12) {
        0 | 1 if is_name(at) => replaced(token.range.clone(), format!("\"{}\"", dice.pick(NAMES)).as_bytes()),
        0..=2 => replaced(value, dice.pick(VALUES).as_bytes()),
        3 => [&text[..whole.end], b",", &text[whole.clone()], &text[whole.end..]].concat(),
        4 => {
            // With the comma after it, or else the one before.
            let behind = tokens.iter().find(|token| token.range.start >= whole.end);
            let before = at.checked_sub(1).map(|before| &tokens[before]);
            let is_comma = |token: &&Token| token.kind == Kind::Comma;
            match (behind.filter(is_comma), before.filter(is_comma)) {
                (Some(comma), _) => replaced(whole.start..comma.range.end, b""),
                (None, Some(comma)) => replaced(comma.range.start..whole.end, b""),
                (None, None) => replaced(whole, b""),
            }
        }
        5 | 6 => {
            // The value of another place comes here, and mostly the other way round as well.
            let other_at = dice.below(tokens.len());
            let other_at = if is_name(other_at) { (other_at + 2).min(tokens.len() - 1) } else { other_at };
            let other = tokens[other_at].range.start..value_end(&tokens, other_at);
            let is_apart = other.end <= value.start || value.end <= other.start;
            if is_apart && dice.below(3) > 0 {
                let (first, second) = if value.start < other.start { (value, other) } else { (other, value) };
                let between = &text[first.end..second.start];
                let (start, end) = (&text[..first.start], &text[second.end..]);
                [start, &text[second], between, &text[first], end].concat()
            } else {
                replaced(value, &text[other])
            }
        }
        7 => replaced(token.range.start..token.range.start, dice.pick(SPACES).as_bytes()),
        8 if token.kind == Kind::String && token.range.len() > 2 => {
            let place = token.range.start + 1 + dice.below(token.range.len() - 2);
            match text[place] {
                byte @ (b' '..=b'~') if byte != b'\\' && byte != b'"' => {
                    replaced(place..place + 1, format!("\\u{byte:04x}").as_bytes())
                }
                _ => text.to_vec(),
            }
        }
        8 | 9 if token.kind == Kind::Open && text[token.range.start] == b'{' => {
            let member = format!("\"{}\":{}", dice.pick(NAMES), dice.pick(VALUES));
            let is_empty = tokens.get(at + 1).is_some_and(|next| next.kind == Kind::Close);
            let member = if is_empty { member } else { member + "," };
            replaced(token.range.end..token.range.end, member.as_bytes())
        }
        8..=10 => {
            let depth = [1, 1, 2, 70, 130, 998, 1_001][dice.below(7)];
            let (open, close) = if dice.below(2) == 0 { ("[", "]") } else { ("{\"x\":", "}") };
            let inner = &text[value.clone()];
            let wrapped = [open.repeat(depth).as_bytes(), inner, close.repeat(depth).as_bytes()].concat();
            replaced(value, &wrapped)
        }
        _ => match dice.below(4) {
            0 => replaced(token.range.clone(), b""),
            1 => replaced(token.range.end..token.range.end, &text[token.range.clone()]),
            2 => text[..token.range.start].to_vec(),
            _ => {
                // Another document after it.
                [text, dice.pick(&["", "\n", "{\"Records\":[]}", "[]", "{}", "x"]).as_bytes(), text].concat()
            }
        },
    }
}

/// Where the value ends that begins with a token.
fn value_end(tokens: &[Token], at: usize) -> usize {
    let mut depth = 0_usize;
    for token in &tokens[at..] {
        match token.kind {
            Kind::Open => depth += 1,
            Kind::Close => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return token.range.end;
        }
    }
    tokens.last().map_or(0, |last| last.range.end)
}

/// [`mutate`] in the form that the fuzzer calls, half of the time; it knows changes of bytes by itself.
pub fn mutate_in_place(data: &mut [u8], size: usize, most: usize, seed: u32) -> usize {
    let is_tape = size > 0 && data[0] == 0;
    if is_tape || seed.is_multiple_of(2) {
        return libfuzzer_sys::fuzzer_mutate(data, size, most);
    }
    let changed = mutate(&data[..size], most, seed);
    data[..changed.len()].copy_from_slice(&changed);
    changed.len()
}
