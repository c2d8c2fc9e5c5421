//! Which answer belongs to which usage record.
//!
//! In: the records of a request, and those that the response is about. Out: for each of the request the position of its
//! answer. Never: assumes that answers come in the order of the request, or gives one twice.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::hash::Hash;

use hashbrown::HashMap;

use super::call::Request;
use super::metering::{Allocation, Record, Source};
use super::name::{Counting, Name};
use crate::transform::scan;

/// Pairs that are compared one by one: a real call has at most 25 records on either side.
const MOST_COMPARISONS: usize = 1_000_000;

/// For each record of a request the position of its answer among `answers`, which are `None` when they do not say what
/// they are about.
///
/// A record takes the answer whose text is its own. What that leaves open is decided by what the records say: first equal
/// records, then those whose common members are equal, since an echo may leave some out; and among either first those that
/// differ least in how time, quantity, allocations and all else are spelled. The first of several is taken, and each once.
pub(super) fn match_answers(requests: &[Request<'_>], answers: &[Option<Source<'_>>]) -> Vec<Option<usize>> {
    let text = |at: usize| answers[at].map(|answer| answer.text);
    // Answers mostly come in the order of the request: as long as they do, each is the first free one.
    let texts = requests.iter().zip(0..answers.len());
    let in_order = texts.take_while(|(request, at)| text(*at) == Some(request.source.text)).count();
    let mut pairing = Pairing::begin(in_order, requests.len(), answers.len());
    if pairing.is_done() {
        return pairing.answer_of;
    }
    pairing.take_equal(|request| Some(requests[request].source.text), text);
    if pairing.is_done() {
        return pairing.answer_of;
    }
    let echo = |at: &usize| (*at, answers[*at].map(|answer| answer.read()).unwrap_or_default());
    let echoes: HashMap<usize, Record<'_>> = pairing.free.iter().map(echo).collect();
    let mut distinct = Distinct::default();
    let asked = pairing.open().map(|at| (at, distinct.features(&requests[at].record, Some(requests[at].source))));
    let asked: HashMap<usize, Features> = asked.collect();
    let told = echoes.iter().map(|(at, echo)| (*at, distinct.features(echo, answers[*at])));
    let told: HashMap<usize, Features> = told.collect();
    pairing.take_equal(|request| asked[&request], |answer| told[&answer]);
    pairing.take_closest(|request, answer| asked[&request].spelled_differently(&told[&answer]));
    // Too many to be compared one by one.
    pairing.take_equal(|request| asked[&request].values, |answer| told[&answer].values);
    pairing.take_closest(|request, answer| asked[&request].told_differently(&told[&answer]));
    pairing.answer_of
}

/// Requests and answers that have found each other, and those that have not.
struct Pairing {
    /// For each request the position of its answer.
    answer_of: Vec<Option<usize>>,
    /// Answers that are not taken, in order.
    free: Vec<usize>,
}

impl Pairing {
    /// The first `in_order` of both belong together.
    fn begin(in_order: usize, requests: usize, answers: usize) -> Self {
        let answer_of = (0..requests).map(|at| (at < in_order).then_some(at)).collect();
        Self { answer_of, free: (in_order..answers).collect() }
    }

    fn is_done(&self) -> bool {
        self.free.is_empty() || self.answer_of.iter().all(Option::is_some)
    }

    /// Requests without an answer, in order.
    fn open(&self) -> impl Iterator<Item = usize> + use<'_> {
        self.answer_of.iter().enumerate().filter(|(_, answer)| answer.is_none()).map(|(request, _)| request)
    }

    /// Gives each request the first free answer that has its key.
    fn take_equal<K: Hash + Eq>(&mut self, asked: impl Fn(usize) -> K, told: impl Fn(usize) -> K) {
        let mut answers: HashMap<K, VecDeque<usize>> = HashMap::with_capacity(self.free.len());
        for answer in &self.free {
            answers.entry(told(*answer)).or_default().push_back(*answer);
        }
        for (request, found) in self.answer_of.iter_mut().enumerate().filter(|(_, found)| found.is_none()) {
            *found = answers.get_mut(&asked(request)).and_then(VecDeque::pop_front);
        }
        self.free = answers.into_values().flatten().collect();
        self.free.sort_unstable();
    }

    /// Gives requests the free answers that differ least, and are the first of those; `None` says that two do not belong
    /// together. Does nothing when there is too much to compare.
    fn take_closest(&mut self, difference: impl Fn(usize, usize) -> Option<usize>) {
        if self.open().count().saturating_mul(self.free.len()) > MOST_COMPARISONS {
            return;
        }
        let pairs = self.open().flat_map(|request| self.free.iter().map(move |answer| (request, *answer)));
        let ranked = pairs.filter_map(|(request, answer)| Some((difference(request, answer)?, request, answer)));
        let mut ranked: Vec<(usize, usize, usize)> = ranked.collect();
        ranked.sort_unstable();
        let mut is_free = vec![false; self.free.last().map_or(0, |last| last + 1)];
        self.free.iter().for_each(|answer| is_free[*answer] = true);
        for (_, request, answer) in ranked {
            if self.answer_of[request].is_none() && is_free[answer] {
                self.answer_of[request] = Some(answer);
                is_free[answer] = false;
            }
        }
        self.free.retain(|answer| is_free[*answer]);
    }
}

/// What a record says and how, as numbers that are equal where that is.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Features {
    /// Dimension, customer identifier, customer account, licence, quantity, time, allocations.
    values: [Option<usize>; 7],
    /// How time, quantity, allocations and all other members are spelled.
    spellings: [Option<usize>; 4],
}

impl Features {
    /// In how many spellings equal records differ.
    fn spelled_differently(&self, other: &Self) -> Option<usize> {
        let differing = self.spellings.iter().zip(other.spellings).filter(|(one, two)| **one != *two);
        (self.values == other.values).then(|| differing.count())
    }

    /// In how many spellings records differ that can be one, told with fewer members: the dimension is the same, and so is
    /// whatever else both tell.
    fn told_differently(&self, other: &Self) -> Option<usize> {
        let differ =
            |(one, two): &(&Option<usize>, &Option<usize>)| one.zip(**two).is_some_and(|(one, two)| one != two);
        let is_same = self.values[0].is_some()
            && self.values[0] == other.values[0]
            && !self.values.iter().zip(&other.values).any(|pair| differ(&pair));
        // Of all else, what an echo leaves out cannot be told from what it spells in another way.
        is_same.then(|| self.spellings[..3].iter().zip(&other.spellings).filter(differ).count())
    }
}

/// Numbers for values, each different one with its own, so that they are compared once however often records are.
#[derive(Default)]
struct Distinct<'r, 't> {
    texts: HashMap<Cow<'t, str>, usize>,
    quantities: HashMap<i128, usize>,
    /// An instant, or the text of what is none.
    times: HashMap<Result<i64, &'t str>, usize>,
    allocations: HashMap<&'r [Allocation<'t>], usize>,
}

/// The number of a value.
fn number<K: Hash + Eq>(numbers: &mut HashMap<K, usize>, value: Option<K>) -> Option<usize> {
    let next = numbers.len();
    value.map(|value| *numbers.entry(value).or_insert(next))
}

impl<'r, 't> Distinct<'r, 't> {
    fn features(&mut self, record: &'r Record<'t>, source: Option<Source<'t>>) -> Features {
        let mut text = |text: Option<&'t str>| number(&mut self.texts, text.map(Cow::Borrowed));
        let values = [
            text(record.dimension),
            text(record.customer_identifier),
            text(record.customer_aws_account_id),
            text(record.license_arn),
            number(&mut self.quantities, record.quantity),
            number(&mut self.times, record.time.map(|time| time.epoch_ms.ok_or(time.text))),
            number(&mut self.allocations, record.allocations.as_deref()),
        ];
        let spellings = source.map_or([const { None }; 4], spellings);
        Features { values, spellings: spellings.map(|spelling| number(&mut self.texts, spelling)) }
    }
}

/// How time, quantity, allocations and all other members of a record are spelled.
fn spellings(source: Source<'_>) -> [Option<Cow<'_, str>>; 4] {
    if !source.value.is_object() {
        return [const { None }; 4];
    }
    let (mut time, mut plain, mut decimal, mut allocations) = (None, None, None, None);
    let mut others: Vec<String> = Vec::new();
    let mut counting = Counting::of(source.value);
    for member in source.value.members().filter(|member| !member.value().is_null()) {
        let value = respelled(member.raw());
        match counting.name(member) {
            Some(Name::Timestamp) => time = Some(value),
            Some(Name::Quantity) => plain = Some(value),
            Some(Name::QuantityAsDecimal) => decimal = Some(value),
            Some(Name::UsageAllocations) => allocations = Some(value),
            _ => others.push(match Name::of(member.name()) {
                Some(known) => format!("\"{}\":{value}", known.as_str()),
                None => format!("{}:{value}", respelled(&format!("\"{}\"", member.raw_name()))),
            }),
        }
    }
    others.sort_unstable();
    // No line break is left in them.
    let quantity = (plain.is_some() || decimal.is_some())
        .then(|| Cow::Owned([plain.unwrap_or_default(), decimal.unwrap_or_default()].join("\n")));
    [time, quantity, allocations, Some(Cow::Owned(others.join("\n")))]
}

/// JSON without white space between its tokens, and with all strings that have a text spelled alike.
fn respelled(json: &str) -> Cow<'_, str> {
    if !json.bytes().any(|byte| matches!(byte, b'\\' | b' ' | b'\n' | b'\r' | b'\t')) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len());
    let mut at = 0;
    while let Some(byte) = json.as_bytes().get(at) {
        let end = match byte {
            b'"' => scan::string_end(json.as_bytes(), at + 1).unwrap_or(json.len()),
            _ => json[at..].find('"').map_or(json.len(), |length| at + length),
        };
        let piece = &json[at..end];
        match serde_json::from_str::<String>(piece) {
            Ok(text) => out.push_str(&serde_json::Value::from(text).to_string()),
            Err(_) if *byte == b'"' => out.push_str(piece),
            Err(_) => out.extend(piece.chars().filter(|character| !character.is_ascii_whitespace())),
        }
        at = end;
    }
    Cow::Owned(out)
}
