//! The small language that event contents are written in. In: template text. Out: its pieces, which [`super::scene`]
//! renders. Never fails, and never escapes: templates are JSON text already.
//!
//! Text outside `<…>` is copied. Inside:
//!
//! | form | renders |
//! |---|---|
//! | `<account>`, `<region>` | the account and region of the archive |
//! | `<hex:N>`, `<b32:N>`, `<upper:N>`, `<lower:N>`, `<alnum:N>`, `<digits:N>`, `<b64:LOW:HIGH>` | random characters |
//! | `<guid>`, `<GUID>` | a random GUID, lower or upper case |
//! | `<num:LOW:HIGH>` | a random integer |
//! | `<iso:LOW:HIGH>`, `<basic:LOW:HIGH>`, `<java:LOW:HIGH>`, `<sec:LOW:HIGH>`, `<ms:LOW:HIGH>` | a moment so many seconds from the event's, in one of the forms services use |
//! | `<agent>` | a user agent |
//! | `<pick:A\|B\|C>` | one of the alternatives |
//! | `<maybe:PERCENT:T>` | T or nothing |
//! | `<many:LOW:HIGH:T>` | T several times, with commas between |
//! | `<let:NAME:T>`, `<@NAME>` | keeps the rendering of T under a name; writes it |
//! | `<id:PREFIX:NAME>` | the unique id (`AROA…`) that belongs to what NAME holds |
//! | `<POOL>` | an entry of a pool of [`super::pools`] |

use super::pools::POOLS;
use super::text::{self, Alphabet};

/// A compiled template.
#[derive(Clone, Debug, Default)]
pub(super) struct Template {
    pub(super) pieces: Vec<TemplatePart>,
}

impl Template {
    /// Whether it always renders nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }
}

/// A stretch of a template.
#[derive(Clone, Debug)]
pub(super) enum TemplatePart {
    Text(&'static str),
    Account,
    Region,
    Random(Alphabet, usize, usize),
    Guid {
        upper: bool,
    },
    Number(i64, i64),
    /// A moment in a form of `strftime`, so many seconds from the event's.
    Moment(&'static str, i64, i64),
    /// The same in milliseconds since 1970.
    Millis(i64, i64),
    Agent,
    Pick(Vec<Template>),
    Maybe(u64, Template),
    Many(usize, usize, Template),
    Let(usize, Template),
    Slot(usize),
    IdOf(&'static str, usize),
    ValuePool(usize),
}

/// Names that templates and code share; the others are given numbers as the compiler meets them.
pub(super) mod slot {
    pub(in super::super) const ARN: usize = 0;
    pub(in super::super) const ADDRESS: usize = 1;
    pub(in super::super) const AGENT: usize = 2;
    pub(in super::super) const REQUEST_ID: usize = 3;
    pub(in super::super) const SERVICE: usize = 4;
    pub(in super::super) const PREFIX: usize = 5;
    pub(in super::super) const ACTION: usize = 6;
    pub(super) const NAMES: [&str; 7] = ["arn", "ip", "ua", "rid", "svc", "prefix", "action"];
    /// How many names there can be.
    pub(in super::super) const COUNT: usize = 32;
}

/// Compiles templates; remembers slot names across them and what it did not understand.
#[derive(Debug)]
pub(super) struct Compiler {
    slots: Vec<&'static str>,
    unknown: Vec<&'static str>,
}

impl Compiler {
    pub(super) fn new() -> Self {
        Self { slots: slot::NAMES.to_vec(), unknown: Vec::new() }
    }

    /// Placeholders that no template may have; a test over all of them keeps this empty.
    #[cfg(test)]
    pub(super) fn unknown(&self) -> &[&'static str] {
        &self.unknown
    }

    /// What cannot be parsed is rendered verbatim, and remembered.
    pub(super) fn compile(&mut self, source: &'static str) -> Template {
        let mut pieces = Vec::new();
        let mut rest = source;
        while let Some(open) = rest.find('<') {
            if open > 0 {
                pieces.push(TemplatePart::Text(&rest[..open]));
            }
            let close = matching(&rest[open..]).map_or(rest.len(), |length| open + length);
            let inner = rest.get(open + 1..close).unwrap_or("");
            let piece = self.placeholder(inner).unwrap_or_else(|| {
                self.unknown.push(inner);
                TemplatePart::Text(inner)
            });
            pieces.push(piece);
            rest = rest.get(close + 1..).unwrap_or("");
        }
        if !rest.is_empty() {
            pieces.push(TemplatePart::Text(rest));
        }
        Template { pieces }
    }

    fn placeholder(&mut self, inner: &'static str) -> Option<TemplatePart> {
        if let Some(name) = inner.strip_prefix('@') {
            return Some(TemplatePart::Slot(self.slot(name)?));
        }
        let (head, rest) = inner.split_once(':').unwrap_or((inner, ""));
        Some(match head {
            "account" => TemplatePart::Account,
            "region" => TemplatePart::Region,
            "agent" => TemplatePart::Agent,
            "guid" => TemplatePart::Guid { upper: false },
            "GUID" => TemplatePart::Guid { upper: true },
            "hex" => random(Alphabet::Hex, rest)?,
            "b32" => random(Alphabet::Base32, rest)?,
            "upper" => random(Alphabet::UpperAlnum, rest)?,
            "lower" => random(Alphabet::LowerAlnum, rest)?,
            "alnum" => random(Alphabet::Alnum, rest)?,
            "digits" => random(Alphabet::Digits, rest)?,
            "b64" => random(Alphabet::Base64, rest)?,
            "num" => range(rest).map(|(low, high)| TemplatePart::Number(low, high))?,
            "iso" => moment(text::ISO, rest)?,
            "basic" => moment(text::BASIC, rest)?,
            "java" => moment(text::JAVA, rest)?,
            "sec" => moment("%s", rest)?,
            "ms" => range(rest).map(|(low, high)| TemplatePart::Millis(low, high))?,
            "pick" => TemplatePart::Pick(alternatives(rest).into_iter().map(|text| self.compile(text)).collect()),
            "maybe" => {
                let (chance, text) = rest.split_once(':')?;
                TemplatePart::Maybe(chance.parse().ok()?, self.compile(text))
            }
            "many" => {
                let (low, rest) = rest.split_once(':')?;
                let (high, text) = rest.split_once(':')?;
                TemplatePart::Many(low.parse().ok()?, high.parse().ok()?, self.compile(text))
            }
            "let" => {
                let (name, text) = rest.split_once(':')?;
                TemplatePart::Let(self.slot(name)?, self.compile(text))
            }
            "id" => {
                let (prefix, name) = rest.split_once(':')?;
                TemplatePart::IdOf(prefix, self.slot(name)?)
            }
            _ => TemplatePart::ValuePool(POOLS.iter().position(|pool| pool.name == inner)?),
        })
    }

    fn slot(&mut self, name: &'static str) -> Option<usize> {
        if let Some(known) = self.slots.iter().position(|slot| *slot == name) {
            return Some(known);
        }
        self.slots.push(name);
        (self.slots.len() <= slot::COUNT).then_some(self.slots.len() - 1)
    }
}

fn random(alphabet: Alphabet, arguments: &str) -> Option<TemplatePart> {
    let (low, high) = arguments.split_once(':').unwrap_or((arguments, arguments));
    Some(TemplatePart::Random(alphabet, low.parse().ok()?, high.parse().ok()?))
}

fn range(arguments: &str) -> Option<(i64, i64)> {
    let (low, high) = arguments.split_once(':')?;
    Some((low.parse().ok()?, high.parse().ok()?))
}

fn moment(form: &'static str, arguments: &str) -> Option<TemplatePart> {
    range(arguments).map(|(low, high)| TemplatePart::Moment(form, low, high))
}

/// Length up to the `>` that closes the `<` which `text` begins with.
fn matching(text: &str) -> Option<usize> {
    let mut depth = 0_u32;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'<' => depth += 1,
            b'>' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// Splits at each `|` that is not inside a placeholder.
fn alternatives(text: &'static str) -> Vec<&'static str> {
    let mut found = Vec::new();
    let (mut depth, mut start) = (0_u32, 0);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'<' => depth += 1,
            b'>' => depth = depth.saturating_sub(1),
            b'|' if depth == 0 => {
                found.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(&text[start..]);
    found
}
