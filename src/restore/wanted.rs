//! What a value of a filter matches.
//!
//! In: values as people type them. Out: whether the value of a column matches, or may lie between two bounds. Never: takes
//! a bound for a value.
//!
//! Names are compared without regard to the case of ASCII letters, and between bounds they are looked for in all of their
//! cases: a page from `DeleteObject` to `ListBuckets` may hold `getobject`, one from `a` to `b` does not.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

use super::RestoreFilter;
use super::who;

/// What a filter asks about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    EventId,
    Principal,
    SourceIp,
    EventName,
    EventSource,
    Account,
    Region,
}

impl Subject {
    /// All of them; those that leave least come first.
    pub(super) const ALL: [Self; 7] = [
        Self::EventId,
        Self::Principal,
        Self::SourceIp,
        Self::EventName,
        Self::EventSource,
        Self::Account,
        Self::Region,
    ];

    /// The flag that asks for it.
    pub(super) const fn flag(self) -> &'static str {
        match self {
            Self::EventId => "--event-id",
            Self::Principal => "--principal",
            Self::SourceIp => "--source-ip",
            Self::EventName => "--event-name",
            Self::EventSource => "--event-source",
            Self::Account => "--account",
            Self::Region => "--region",
        }
    }

    /// What was typed.
    pub(super) fn values(self, filter: &RestoreFilter) -> &[String] {
        match self {
            Self::EventId => &filter.event_ids,
            Self::Principal => &filter.principals,
            Self::SourceIp => &filter.source_ips,
            Self::EventName => &filter.event_names,
            Self::EventSource => &filter.event_sources,
            Self::Account => &filter.accounts,
            Self::Region => &filter.regions,
        }
    }

    /// The partition column that says the same.
    pub(super) const fn folder(self) -> &'static str {
        match self {
            Self::EventSource => "event_source",
            Self::Account => "account",
            Self::Region => "region",
            Self::EventId | Self::Principal | Self::SourceIp | Self::EventName => "",
        }
    }

    /// What an event has to have in one of these columns.
    pub(super) fn patterns(self, value: &str) -> Vec<(&'static str, Pattern)> {
        let name = |column| vec![(column, Pattern::text(value))];
        match self {
            // CloudTrail writes identifiers in lower case, and these have a bloom filter.
            Self::EventId => {
                [value.to_owned(), value.to_ascii_lowercase()].map(|value| ("event_id", Pattern::Exact(value))).into()
            }
            Self::Principal => who::patterns(value),
            Self::SourceIp => vec![("source_ip_address", Pattern::address(value))],
            Self::EventName => name("event_name"),
            // `s3` stands for `s3.amazonaws.com`.
            Self::EventSource if !value.is_empty() && !value.contains('.') => {
                let values = [value.to_owned(), format!("{value}.amazonaws.com")];
                values.map(|value| ("event_source", Pattern::text(&value))).into()
            }
            Self::EventSource => name("event_source"),
            Self::Account => name("recipient_account_id"),
            Self::Region => name("aws_region"),
        }
    }
}

/// What the value of a column has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    /// This text as it stands.
    Exact(String),
    /// This text without regard to case, perhaps with more before or behind it.
    Text { text: String, has_before: bool, has_behind: bool },
    /// An address of a network; `start` is how all of its addresses begin, as far as that is known.
    Network { network: IpNet, start: String },
}

impl Pattern {
    /// This text without regard to case.
    pub(super) fn text(text: &str) -> Self {
        Self::Text { text: text.to_owned(), has_before: false, has_behind: false }
    }

    /// Text that begins so.
    pub(super) const fn start(text: String) -> Self {
        Self::Text { text, has_before: false, has_behind: true }
    }

    /// Text that ends so.
    pub(super) const fn end(text: String) -> Self {
        Self::Text { text, has_before: true, has_behind: false }
    }

    /// Text that holds this.
    pub(super) const fn middle(text: String) -> Self {
        Self::Text { text, has_before: true, has_behind: true }
    }

    /// An address, those of a network, or the name of a service.
    fn address(value: &str) -> Self {
        match network(value) {
            Some(IpNet::V4(network)) => Self::Network { network: network.into(), start: common_start(network) },
            // Addresses of version 6 are spelled in more than one way.
            Some(network) => Self::Network { network, start: String::new() },
            None => Self::text(value),
        }
    }

    /// Whether a value is what is wanted.
    pub(super) fn matches(&self, value: &str) -> bool {
        match self {
            Self::Exact(text) => text == value,
            Self::Text { text, has_before: false, has_behind: false } => text.eq_ignore_ascii_case(value),
            Self::Text { text, has_before, has_behind } => {
                let (text, value) = (text.as_bytes(), value.as_bytes());
                let is_here = |part: Option<&[u8]>| part.is_some_and(|part| part.eq_ignore_ascii_case(text));
                match (has_before, has_behind) {
                    (true, true) if text.is_empty() => true,
                    (true, true) => value.windows(text.len()).any(|part| part.eq_ignore_ascii_case(text)),
                    (true, false) => is_here(value.len().checked_sub(text.len()).map(|at| &value[at..])),
                    (false, _) => is_here(value.get(..text.len())),
                }
            }
            Self::Network { network, .. } => value.parse().is_ok_and(|address: IpAddr| network.contains(&address)),
        }
    }

    /// Whether a value between two bounds may be what is wanted.
    pub(super) fn is_within(&self, least: &[u8], most: &[u8]) -> bool {
        let begins = |text: &str| {
            let bytes = text.as_bytes();
            least_from(bytes, &least[..least.len().min(bytes.len())]).is_some_and(|text| text.as_slice() <= most)
        };
        match self {
            Self::Exact(text) => (least..=most).contains(&text.as_bytes()),
            Self::Text { has_before: true, .. } => true,
            Self::Text { text, has_behind: true, .. } => begins(text),
            Self::Text { text, .. } => least_from(text.as_bytes(), least).is_some_and(|text| text.as_slice() <= most),
            Self::Network { start, .. } => begins(start),
        }
    }
}

/// The least text that is `text` but for its case and not less than `bound`.
fn least_from(text: &[u8], bound: &[u8]) -> Option<Vec<u8>> {
    let cases = |byte: u8| [byte.to_ascii_uppercase(), byte.to_ascii_lowercase()];
    let with_rest = |start: &[u8], rest: &[u8]| [start, rest.to_ascii_uppercase().as_slice()].concat();
    // Where it can go beyond the bound for the last time, and with what.
    let mut beyond = None;
    for (at, byte) in text.iter().enumerate() {
        let Some(limit) = bound.get(at) else { return Some(with_rest(bound, &text[at..])) };
        if let Some(larger) = cases(*byte).into_iter().find(|case| case > limit) {
            beyond = Some((at, larger));
        }
        if !cases(*byte).contains(limit) {
            return beyond.map(|(at, larger)| with_rest(&[&bound[..at], &[larger]].concat(), &text[at + 1..]));
        }
    }
    if text.len() == bound.len() {
        return Some(bound.to_owned());
    }
    beyond.map(|(at, larger)| with_rest(&[&bound[..at], &[larger]].concat(), &text[at + 1..]))
}

/// The network that a value names; an address is one by itself.
fn network(value: &str) -> Option<IpNet> {
    value.parse().ok().or_else(|| value.parse::<IpAddr>().ok().map(IpNet::from))
}

/// How the text of all addresses of a network begins.
fn common_start(network: Ipv4Net) -> String {
    let octets = usize::from(network.prefix_len() / 8);
    let text: Vec<String> = network.network().octets()[..octets].iter().map(u8::to_string).collect();
    let mut start = text.join(".");
    if (1..4).contains(&octets) {
        start.push('.');
    }
    start
}

/// Whether a value of `--source-ip` looks like a network and is none.
pub(super) fn is_no_network(value: &str) -> bool {
    value.contains('/') && network(value).is_none()
}

/// What some values of a filter want of one column.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    /// In order.
    exact: Vec<String>,
    patterns: Vec<Pattern>,
}

impl Wanted {
    pub(super) fn add(&mut self, pattern: Pattern) {
        match pattern {
            Pattern::Exact(text) => self.exact.push(text),
            pattern => self.patterns.push(pattern),
        }
    }

    /// Puts what was added in order.
    pub(super) fn sort(&mut self) {
        self.exact.sort_unstable();
        self.exact.dedup();
    }

    pub(super) fn has(&self, value: &str) -> bool {
        let is_exact = || self.exact.binary_search_by(|wanted| wanted.as_str().cmp(value)).is_ok();
        self.patterns.iter().any(|pattern| pattern.matches(value)) || is_exact()
    }

    /// Whether a value may lie between two bounds.
    pub(super) fn is_within(&self, least: &[u8], most: &[u8]) -> bool {
        let first = self.exact.partition_point(|wanted| wanted.as_bytes() < least);
        self.exact.get(first).is_some_and(|wanted| wanted.as_bytes() <= most)
            || self.patterns.iter().any(|pattern| pattern.is_within(least, most))
    }

    /// Whether a bloom filter can tell.
    pub(super) const fn is_exact(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether a bloom filter may hold a value.
    pub(super) fn passes(&self, may_hold: impl Fn(&str) -> bool) -> bool {
        self.exact.iter().any(|wanted| may_hold(wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All texts of up to three of these characters.
    fn texts() -> Vec<String> {
        const CHARACTERS: [&str; 6] = ["A", "B", "_", "a", "b", "é"];
        let longer = |texts: &[String]| -> Vec<String> {
            texts.iter().flat_map(|text| CHARACTERS.map(|character| format!("{text}{character}"))).collect()
        };
        let one = longer(&[String::new()]);
        let two = longer(&one);
        let three = longer(&two);
        [vec![String::new()], one, two, three].concat()
    }

    #[test]
    fn bounds_let_pass_what_may_lie_between_them_and_nothing_else() {
        let texts = texts();
        let some = || texts.iter().step_by(7);
        for text in some() {
            let patterns = [
                Pattern::Exact(text.clone()),
                Pattern::text(text),
                Pattern::start(text.clone()),
                Pattern::end(text.clone()),
                Pattern::middle(text.clone()),
            ];
            for pattern in patterns {
                let matching: Vec<&String> = texts.iter().filter(|value| pattern.matches(value)).collect();
                assert!(!matching.is_empty(), "{pattern:?}");
                let is_whole =
                    !matches!(pattern, Pattern::Text { has_before: true, .. } | Pattern::Text { has_behind: true, .. });
                for (least, most) in some().flat_map(|least| some().map(move |most| (least, most))) {
                    let lies_within = matching.iter().any(|value| (least..=most).contains(value));
                    let may_lie = pattern.is_within(least.as_bytes(), most.as_bytes());
                    assert!(may_lie || !lies_within, "{pattern:?} {least:?} {most:?}");
                    assert!(!is_whole || may_lie == lies_within, "{pattern:?} {least:?} {most:?}");
                }
            }
        }
        // Between the cases of a name are names of others.
        assert!(!Pattern::text("rare").is_within(b"Usual", b"Usual") && Pattern::text("rare").is_within(b"R", b"S"));
        assert!(
            !Pattern::start("ab".to_owned()).is_within(b"ac", b"b")
                && Pattern::start("ab".to_owned()).is_within(b"aba", b"abb")
        );
        // A bound that was cut need not be text.
        assert!(Pattern::text("é").is_within(b"\xc3", b"\xc4"));
    }

    #[test]
    fn networks_begin_with_whole_numbers() {
        let start = |value: &str| match Pattern::address(value) {
            Pattern::Network { start, .. } => start,
            pattern => panic!("{pattern:?}"),
        };
        for (value, expected) in [
            ("198.51.100.7", "198.51.100.7"),
            ("198.51.100.7/31", "198.51.100."),
            ("198.51.100.7/24", "198.51.100."),
            ("198.51.100.7/23", "198.51."),
            ("198.51.100.7/8", "198."),
            ("198.51.100.7/7", ""),
            ("2600::/16", ""),
        ] {
            assert_eq!(start(value), expected, "{value}");
        }
        assert!(!Pattern::address("10.1.0.0/16").is_within(b"10.10.0.1", b"10.19.0.1"));
        assert!(["10.0.0.0/33", "10.0.0/8", "a/b"].into_iter().all(is_no_network));
        assert!(!["10.0.0.1/8", "10.0.0.1", "s3.amazonaws.com"].into_iter().any(is_no_network));
    }
}
