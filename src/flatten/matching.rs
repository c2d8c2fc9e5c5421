//! Which answer belongs to which usage record.
//!
//! In: the records of a request, and those that the response is about. Out: for each of the request the position of its
//! answer. Never: assumes that answers come in the order of the request, gives one twice, or gives one that does not say
//! what it is about.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::VecDeque;
use std::hash::Hash;

use hashbrown::HashMap;

use super::assignment::assign;
use super::call::RequestRecord;
use super::metering::{Allocation, RecordSource, UsageRecord};
use super::name::{Counting, Name};
use crate::json::scan;

/// Pairs that are compared one by one, and steps to find the best of them: a real call has at most 25 records on either
/// side.
const MOST_COMPARISONS: usize = 1_000_000;

/// For each record of a request the position of its answer among `answers`, which are `None` when they do not say what
/// they are about.
///
/// A record takes the answer whose text is its own. What that leaves open is decided by what the records say: first equal
/// records, those before others that differ least in how time, quantity, allocations and all else are spelled. Then records
/// whose common members are equal, since an echo may leave some out: as many as possible have an answer, and of all ways to
/// do that it is the one with most members in common, then with the fewest differences in spelling. The first of several is
/// taken, and each once.
pub(super) fn match_answers(
    requests: &[RequestRecord<'_>],
    answers: &[Option<RecordSource<'_>>],
) -> Vec<Option<usize>> {
    let text = |at: usize| answers[at].map(|answer| answer.text);
    // Answers mostly come in the order of the request: as long as they do, each is the first free one.
    let texts = requests.iter().zip(0..answers.len());
    let in_order = texts.take_while(|(request, at)| text(*at) == Some(request.source.text)).count();
    let mut matching = Matching::begin(in_order, requests.len(), answers);
    if matching.is_done() {
        return matching.answer_of;
    }
    matching.take_equal(|request| Some(requests[request].source.text), text);
    if matching.is_done() {
        return matching.answer_of;
    }
    // What is no object can only be known by its text.
    let echo = |at: &usize| {
        let source = answers[*at].filter(|source| source.value.is_object())?;
        Some((*at, source, source.read()))
    };
    let echoes: Vec<(usize, RecordSource<'_>, UsageRecord<'_>)> = matching.free.iter().filter_map(echo).collect();
    let mut distinct = Distinct::default();
    let mut asked: Vec<Option<Features>> = vec![None; requests.len()];
    for (at, request) in matching.open().map(|at| (at, &requests[at])) {
        let features = || distinct.features(&request.record, request.source);
        asked[at] = request.source.value.is_object().then(features);
    }
    let mut answered: Vec<Option<Features>> = vec![None; answers.len()];
    for (at, source, echo) in &echoes {
        answered[*at] = Some(distinct.features(echo, *source));
    }
    let (asked, answered) = (|at: usize| asked[at].as_ref(), |at: usize| answered[at].as_ref());
    matching.take_equal(asked, answered);
    matching.take_closest(|request, answer| asked(request)?.spelled_differently(answered(answer)?));
    // Too many to be compared one by one.
    let values =
        |features: Option<&Features>| features.filter(|features| features.says_something()).map(|it| it.values);
    matching.take_equal(|request| values(asked(request)), |answer| values(answered(answer)));
    matching.take_best(|request, answer| asked(request)?.similarity(answered(answer)?))
}

/// Requests and answers that have found each other, and those that have not.
struct Matching {
    /// For each request the position of its answer.
    answer_of: Vec<Option<usize>>,
    /// Answers that are not taken and say what they are about, in order.
    free: Vec<usize>,
}

impl Matching {
    /// The first `in_order` of both belong together.
    fn begin(in_order: usize, requests: usize, answers: &[Option<RecordSource<'_>>]) -> Self {
        let answer_of = (0..requests).map(|at| (at < in_order).then_some(at)).collect();
        Self { answer_of, free: (in_order..answers.len()).filter(|at| answers[*at].is_some()).collect() }
    }

    fn is_done(&self) -> bool {
        self.free.is_empty() || self.answer_of.iter().all(Option::is_some)
    }

    /// Requests without an answer, in order.
    fn open(&self) -> impl Iterator<Item = usize> + use<'_> {
        self.answer_of.iter().enumerate().filter(|(_, answer)| answer.is_none()).map(|(request, _)| request)
    }

    /// Gives each request the first free answer that has its key, if both have one.
    fn take_equal<K: Hash + Eq>(&mut self, asked: impl Fn(usize) -> Option<K>, answered: impl Fn(usize) -> Option<K>) {
        let mut answers: HashMap<K, VecDeque<usize>> = HashMap::with_capacity(self.free.len());
        self.free.retain(|answer| {
            let key = answered(*answer);
            let has_none = key.is_none();
            if let Some(key) = key {
                answers.entry(key).or_default().push_back(*answer);
            }
            has_none
        });
        for (request, found) in self.answer_of.iter_mut().enumerate().filter(|(_, found)| found.is_none()) {
            *found = asked(request).and_then(|key| answers.get_mut(&key)?.pop_front());
        }
        self.free.extend(answers.into_values().flatten());
        self.free.sort_unstable();
    }

    /// Gives requests the free answers that differ least, and are the first of those; `None` says that two do not belong
    /// together. Does nothing when there is too much to compare.
    fn take_closest<D: Ord>(&mut self, difference: impl Fn(usize, usize) -> Option<D>) {
        if self.open().count().saturating_mul(self.free.len()) > MOST_COMPARISONS {
            return;
        }
        let pairs = self.open().flat_map(|request| self.free.iter().map(move |answer| (request, *answer)));
        let ranked = pairs.filter_map(|(request, answer)| Some((difference(request, answer)?, request, answer)));
        let mut ranked: Vec<(D, usize, usize)> = ranked.collect();
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

    /// Gives as many requests as possible a free answer, such that all of them together are most alike; just the most alike
    /// ones first when there is too much to compare. Nothing can be taken after that.
    fn take_best(mut self, similarity: impl Fn(usize, usize) -> Option<Similarity>) -> Vec<Option<usize>> {
        let steps = |open: usize, free: usize| (open + free).checked_pow(3).unwrap_or(usize::MAX);
        if steps(self.open().count(), self.free.len()) > MOST_COMPARISONS {
            self.take_closest(|request, answer| similarity(request, answer).map(Reverse));
            return self.answer_of;
        }
        let all = self.open().flat_map(|request| self.free.iter().map(move |answer| (request, *answer)));
        let pairs: Vec<(usize, usize)> =
            all.filter(|(request, answer)| similarity(*request, *answer).is_some()).collect();
        let mut choices_of_request = vec![0; self.answer_of.len()];
        let mut choices_of_answer = vec![0; self.free.last().map_or(0, |last| last + 1)];
        for (request, answer) in &pairs {
            choices_of_request[*request] += 1;
            choices_of_answer[*answer] += 1;
        }
        // Mostly there is no choice.
        let (only, others): (Vec<_>, Vec<_>) = pairs
            .into_iter()
            .partition(|(request, answer)| choices_of_request[*request] == 1 && choices_of_answer[*answer] == 1);
        for (request, answer) in only {
            self.answer_of[request] = Some(answer);
        }
        let (mut open, mut free): (Vec<usize>, Vec<usize>) = others.into_iter().unzip();
        open.dedup();
        free.sort_unstable();
        free.dedup();
        let found =
            assign(open.len(), free.len(), |row, column| similarity(open[row], free[column]).map(Similarity::cost));
        for (request, answer) in open.into_iter().zip(found) {
            self.answer_of[request] = answer.map(|at| free[at]);
        }
        self.answer_of
    }
}

/// How alike two records are that can be one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Similarity {
    /// Values that both have.
    common: usize,
    /// Those of them that are spelled differently.
    respelled: Reverse<usize>,
}

impl Similarity {
    /// Less for what is more alike, and whatever a hundred pairs have in common less than one more pair.
    fn cost(self) -> i64 {
        let [common, respelled] = [self.common, self.respelled.0].map(|count| i64::try_from(count).unwrap_or_default());
        respelled - (common << 16) - (1 << 32)
    }
}

/// What a record says and how, as numbers that are equal where that is.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Features {
    /// Dimension, customer identifier, customer account, licence, quantity, time, allocations in any order.
    values: [Option<usize>; 7],
    /// How time, quantity and allocations are spelled, the order of allocations, how all other members are spelled.
    spellings: [Option<usize>; 5],
}

impl Features {
    fn says_something(&self) -> bool {
        self.values.iter().any(Option::is_some)
    }

    /// In how many spellings equal records differ. Of those that say nothing, none are equal.
    fn spelled_differently(&self, other: &Self) -> Option<usize> {
        let differing = self.spellings.iter().zip(other.spellings).filter(|(one, two)| **one != *two);
        (self.values == other.values && self.says_something()).then(|| differing.count())
    }

    /// The similarity of records that can be one, written with fewer members: the dimension is the same, and so is whatever else
    /// both have.
    fn similarity(&self, other: &Self) -> Option<Similarity> {
        let both = |one: &[Option<usize>], two: &[Option<usize>]| {
            let answered = one.iter().zip(two).filter_map(|(one, two)| one.zip(*two));
            answered.fold((0, 0), |(common, equal), (one, two)| (common + 1, equal + usize::from(one == two)))
        };
        let (common, equal) = both(&self.values, &other.values);
        let is_same = self.values[0].is_some() && other.values[0].is_some() && common == equal;
        // Of all else, what an echo leaves out cannot be distinguished from what it spells in another way.
        let (spelled, alike) = both(&self.spellings[..4], &other.spellings[..4]);
        is_same.then_some(Similarity { common, respelled: Reverse(spelled - alike) })
    }
}

/// Numbers for values, each different one with its own, so that they are compared once however often records are.
#[derive(Default)]
struct Distinct<'t> {
    texts: HashMap<Cow<'t, str>, usize>,
    quantities: HashMap<i128, usize>,
    /// An instant, or the text of what is none.
    times: HashMap<Result<i64, &'t str>, usize>,
    allocations: HashMap<Vec<Allocation<'t>>, usize>,
}

/// The number of a value.
fn number<K: Hash + Eq>(numbers: &mut HashMap<K, usize>, value: Option<K>) -> Option<usize> {
    let next = numbers.len();
    value.map(|value| *numbers.entry(value).or_insert(next))
}

impl<'t> Distinct<'t> {
    fn features(&mut self, record: &UsageRecord<'t>, source: RecordSource<'t>) -> Features {
        let in_any_order = record.allocations.clone().map(|mut allocations| {
            allocations.iter_mut().filter_map(|it| it.tags.as_mut()).for_each(|tags| tags.sort_unstable());
            allocations.sort_unstable();
            allocations
        });
        let mut text = |text: Option<&'t str>| number(&mut self.texts, text.map(Cow::Borrowed));
        let values = [
            text(record.dimension),
            text(record.customer_identifier),
            text(record.customer_aws_account_id),
            text(record.license_arn),
            number(&mut self.quantities, record.quantity),
            number(&mut self.times, record.time.map(|time| time.epoch_ms.ok_or(time.text))),
            number(&mut self.allocations, in_any_order),
        ];
        let in_order = number(&mut self.allocations, record.allocations.clone());
        let [time, quantity, allocations, others] = spellings(source).map(|spelling| number(&mut self.texts, spelling));
        Features { values, spellings: [time, quantity, allocations, in_order, others] }
    }
}

/// How time, quantity, allocations and all other members of a record are spelled.
fn spellings(source: RecordSource<'_>) -> [Option<Cow<'_, str>>; 4] {
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
