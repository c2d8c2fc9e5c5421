//! What a value of a filter matches.
//!
//! In: values as users type them. Out: whether the value of a column matches, or may lie between two bounds. Never: mistakes
//! a bound for a value.
//!
//! Names are compared case-insensitively (ASCII), and between bounds they are searched for in every
//! case: a page from `DeleteObject` to `ListBuckets` may hold `getobject`, one from `a` to `b` does not.

use std::net::IpAddr;

use ipnet::IpNet;

use super::RestoreFilter;
use super::principal;
use super::texts::Texts;

/// The subject of a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FilterSubject {
    EventId,
    Principal,
    SourceIp,
    EventName,
    EventSource,
    Account,
    Region,
}

impl FilterSubject {
    /// All of them, the most selective ones first.
    pub(super) const ALL: [Self; 7] = [
        Self::EventId,
        Self::Principal,
        Self::SourceIp,
        Self::EventName,
        Self::EventSource,
        Self::Account,
        Self::Region,
    ];

    /// Its flag.
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

    /// The values that were typed.
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

    /// The equivalent partition column.
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
            // CloudTrail writes identifiers in lower case, and these have a bloom filter, which is case-sensitive.
            Self::EventId => {
                [value.to_owned(), value.to_ascii_lowercase()].map(|value| ("event_id", Pattern::Exact(value))).into()
            }
            Self::Principal => principal::patterns(value),
            Self::SourceIp => vec![("source_ip_address", Pattern::address(value))],
            Self::EventName => name("event_name"),
            // `s3` is short for `s3.amazonaws.com`.
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

/// A condition for the value of a column. A border is a colon or a slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    /// Exactly this text.
    Exact(String),
    /// This text, case-insensitively.
    Whole(String),
    /// Text with this prefix, which ends with a border.
    Start(String),
    /// Text with this suffix, which begins with a border.
    End(String),
    /// Text that contains this, which begins and ends with a border.
    Middle(String),
    /// An address of a network.
    Network(IpNet),
}

impl Pattern {
    /// This text, case-insensitively.
    pub(super) fn text(text: &str) -> Self {
        Self::Whole(text.to_owned())
    }

    /// An address, those of a network, or the name of a service.
    fn address(value: &str) -> Self {
        network(value).map_or_else(|| Self::text(value), Self::Network)
    }
}

/// The network of a value; an address is a network by itself.
fn network(value: &str) -> Option<IpNet> {
    value.parse().ok().or_else(|| value.parse::<IpAddr>().ok().map(IpNet::from))
}

/// The common prefix of the texts of all addresses of a network, as far as it is known.
fn common_start(network: IpNet) -> String {
    // IPv6 addresses can be spelled in several ways.
    let IpNet::V4(network) = network else { return String::new() };
    let octets = usize::from(network.prefix_len() / 8);
    let text: Vec<String> = network.network().octets()[..octets].iter().map(u8::to_string).collect();
    let mut start = text.join(".");
    if (1..4).contains(&octets) {
        start.push('.');
    }
    start
}

/// Whether a value of `--source-ip` looks like a network or an address but is not valid.
pub(super) fn is_no_address(value: &str) -> bool {
    let is_version_4 = value.contains('.') && value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let is_version_6 =
        value.contains(':') && value.bytes().all(|byte| byte.is_ascii_hexdigit() || b":.".contains(&byte));
    (value.contains('/') || is_version_4 || is_version_6) && network(value).is_none()
}

/// What some values of a filter require of one column. However many there are, a value is looked up, not compared with each.
#[derive(Clone, Debug, Default)]
pub(super) struct WantedValues {
    /// Sorted.
    exact: Vec<String>,
    whole: Texts,
    starts: Texts,
    ends: Texts,
    middles: Texts,
    /// Maximum number of borders in a middle after its first one.
    borders_in_middles: usize,
    /// Sorted; none overlaps another.
    networks: Vec<IpNet>,
    network_starts: Texts,
}

impl WantedValues {
    pub(super) fn of(pattern: Pattern) -> Self {
        let mut wanted = Self::default();
        wanted.add(pattern);
        wanted
    }

    pub(super) fn add(&mut self, pattern: Pattern) {
        match pattern {
            Pattern::Exact(text) => self.exact.push(text),
            Pattern::Whole(text) => self.whole.add(&text),
            Pattern::Start(text) => self.starts.add(&text),
            Pattern::End(text) => self.ends.add(&text),
            Pattern::Middle(text) => {
                self.borders_in_middles = self.borders_in_middles.max(borders(text.as_bytes()).count() - 1);
                self.middles.add(&text);
            }
            Pattern::Network(network) => {
                self.network_starts.add(&common_start(network));
                self.networks.push(network.trunc());
            }
        }
    }

    /// Sorts everything.
    pub(super) fn sort(&mut self) {
        self.exact.sort_unstable();
        self.exact.dedup();
        for texts in [&mut self.whole, &mut self.starts, &mut self.ends, &mut self.middles, &mut self.network_starts] {
            texts.sort();
        }
        self.networks = IpNet::aggregate(&self.networks);
        self.networks.sort_unstable();
    }

    pub(super) fn has(&self, value: &str) -> bool {
        let is_exact = self.exact.binary_search_by(|wanted| wanted.as_str().cmp(value)).is_ok();
        is_exact || (self.has_texts() && self.has_text(value)) || (!self.networks.is_empty() && self.has_address(value))
    }

    const fn has_texts(&self) -> bool {
        !self.whole.is_empty() || self.has_parts()
    }

    const fn has_parts(&self) -> bool {
        !self.starts.is_empty() || !self.ends.is_empty() || !self.middles.is_empty()
    }

    fn has_text(&self, value: &str) -> bool {
        let value = value.to_ascii_lowercase();
        let value = value.as_bytes();
        self.whole.has(value) || (self.has_parts() && self.has_part(value))
    }

    /// Whether a part of a lower-case value, between borders or between one and an end, is wanted.
    fn has_part(&self, value: &[u8]) -> bool {
        let borders: Vec<usize> = borders(value).collect();
        borders.iter().enumerate().any(|(number, at)| {
            let behind = borders[number + 1..].iter().take(self.borders_in_middles);
            self.starts.has(&value[..=*at])
                || self.ends.has(&value[*at..])
                || behind.into_iter().any(|end| self.middles.has(&value[*at..=*end]))
        })
    }

    fn has_address(&self, value: &str) -> bool {
        let Ok(address) = value.parse::<IpAddr>() else { return false };
        let behind = self.networks.partition_point(|network| network.network() <= address);
        self.networks[..behind].last().is_some_and(|network| network.contains(&address))
    }

    /// Whether a value may lie between two bounds.
    pub(super) fn is_within(&self, least: &[u8], most: &[u8]) -> bool {
        let first = self.exact.partition_point(|wanted| wanted.as_bytes() < least);
        self.exact.get(first).is_some_and(|wanted| wanted.as_bytes() <= most)
            || !self.ends.is_empty()
            || !self.middles.is_empty()
            || self.whole.is_within(least, most)
            || self.starts.begins_within(least, most)
            || self.network_starts.begins_within(least, most)
    }

    /// Whether a bloom filter can be used.
    pub(super) const fn is_exact(&self) -> bool {
        !self.has_texts() && self.networks.is_empty()
    }

    /// Whether a bloom filter may contain one of the values.
    pub(super) fn passes(&self, may_hold: impl Fn(&str) -> bool) -> bool {
        self.exact.iter().any(|wanted| may_hold(wanted))
    }
}

/// Positions of the borders of a name.
fn borders(text: &[u8]) -> impl Iterator<Item = usize> {
    text.iter().enumerate().filter(|(_, byte)| b":/".contains(byte)).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All texts of up to three of these characters.
    fn texts() -> Vec<String> {
        const CHARACTERS: [&str; 7] = ["A", "B", ":", "_", "a", "b", "é"];
        let longer = |texts: &[String]| -> Vec<String> {
            texts.iter().flat_map(|text| CHARACTERS.map(|character| format!("{text}{character}"))).collect()
        };
        let one = longer(&[String::new()]);
        let two = longer(&one);
        let three = longer(&two);
        [vec![String::new()], one, two, three].concat()
    }

    fn wanted(patterns: impl IntoIterator<Item = Pattern>) -> WantedValues {
        let mut wanted = WantedValues::default();
        patterns.into_iter().for_each(|pattern| wanted.add(pattern));
        wanted.sort();
        wanted
    }

    /// The naive implementation, pattern by pattern.
    fn matches(pattern: &Pattern, value: &str) -> bool {
        let value_in_lower_case = value.to_ascii_lowercase();
        match pattern {
            Pattern::Exact(text) => value == text,
            Pattern::Whole(text) => value_in_lower_case == text.to_ascii_lowercase(),
            Pattern::Start(text) => value_in_lower_case.starts_with(&text.to_ascii_lowercase()),
            Pattern::End(text) => value_in_lower_case.ends_with(&text.to_ascii_lowercase()),
            Pattern::Middle(text) => value_in_lower_case.contains(&text.to_ascii_lowercase()),
            Pattern::Network(network) => value.parse().is_ok_and(|address: IpAddr| network.contains(&address)),
        }
    }

    /// Patterns for a text, with borders where they are required.
    fn patterns(text: &str) -> [Pattern; 5] {
        [
            Pattern::Exact(text.to_owned()),
            Pattern::text(text),
            Pattern::Start(format!("{text}:")),
            Pattern::End(format!(":{text}")),
            Pattern::Middle(format!(":{text}:")),
        ]
    }

    #[test]
    fn many_patterns_match_what_any_of_them_does() {
        let mut values = texts();
        values.extend(texts().into_iter().map(|text| format!("b:{text}:a/B")));
        let some: Vec<Pattern> = texts().iter().step_by(23).flat_map(|text| patterns(text)).collect();
        let apart: Vec<Vec<Pattern>> = some.iter().map(|pattern| vec![pattern.clone()]).collect();
        for patterns in apart.into_iter().chain(some.chunks(7).map(<[Pattern]>::to_vec)).chain([some.clone()]) {
            let all = wanted(patterns.clone());
            for value in &values {
                let expected = patterns.iter().any(|pattern| matches(pattern, value));
                assert_eq!(all.has(value), expected, "{patterns:?} {value}");
            }
        }
    }

    #[test]
    fn many_networks_contain_what_any_of_them_does() {
        let networks = ["10.1.2.3/8", "10.0.0.0/9", "198.51.100.7", "198.51.100.8/31", "2600:1f18::/31", "::/127"];
        let patterns: Vec<Pattern> = networks.into_iter().map(Pattern::address).collect();
        let all = wanted(patterns.clone());
        for value in [
            "9.255.255.255",
            "10.0.0.0",
            "10.255.255.255",
            "11.0.0.0",
            "198.51.100.6",
            "198.51.100.7",
            "198.51.100.9",
            "198.51.100.10",
            "2600:1f19::1",
            "2600:1f1a::",
            "::1",
            "::2",
            "0.0.0.1",
            "text",
            "",
        ] {
            assert_eq!(all.has(value), patterns.iter().any(|pattern| matches(pattern, value)), "{value}");
        }
    }

    #[test]
    fn bounds_admit_exactly_what_may_lie_between_them() {
        let texts = texts();
        let some = || texts.iter().step_by(7);
        let mut sets: Vec<Vec<Pattern>> = some().flat_map(|text| patterns(text)).map(|pattern| vec![pattern]).collect();
        // Several together.
        sets.extend(
            (0..20).map(|start| texts.iter().skip(start).step_by(61).map(|text| Pattern::text(text)).collect()),
        );
        sets.extend((0..5).map(|start| texts.iter().skip(start).step_by(61).flat_map(|text| patterns(text)).collect()));
        for patterns in sets {
            let wanted = wanted(patterns.clone());
            let matching: Vec<&String> = texts.iter().filter(|value| wanted.has(value)).collect();
            let is_whole = patterns.iter().all(|pattern| matches!(pattern, Pattern::Exact(_) | Pattern::Whole(_)));
            for (least, most) in some().flat_map(|least| some().map(move |most| (least, most))) {
                let lies_within = matching.iter().any(|value| (least..=most).contains(value));
                let may_lie = wanted.is_within(least.as_bytes(), most.as_bytes());
                assert!(may_lie || !lies_within, "{patterns:?} {least:?} {most:?}");
                assert!(!is_whole || may_lie == lies_within, "{patterns:?} {least:?} {most:?}");
            }
        }
        let within = |pattern: Pattern, least: &[u8], most: &[u8]| wanted([pattern]).is_within(least, most);
        // Between the cases of a name are other names.
        assert!(!within(Pattern::text("rare"), b"Usual", b"Usual") && within(Pattern::text("rare"), b"R", b"S"));
        let start = || Pattern::Start("ab:".to_owned());
        assert!(!within(start(), b"ac", b"b") && within(start(), b"ab:a", b"ab:b") && !within(start(), b"ab", b"ab"));
        // A truncated bound need not be valid text.
        assert!(within(Pattern::text("é"), b"\xc3", b"\xc4"));
    }

    #[test]
    fn networks_begin_with_whole_numbers() {
        for (value, expected) in [
            ("198.51.100.7", "198.51.100.7"),
            ("198.51.100.7/31", "198.51.100."),
            ("198.51.100.7/24", "198.51.100."),
            ("198.51.100.7/23", "198.51."),
            ("198.51.100.7/8", "198."),
            ("198.51.100.7/7", ""),
            ("2600::/16", ""),
        ] {
            assert_eq!(network(value).map(common_start).as_deref(), Some(expected), "{value}");
        }
        assert!(!wanted([Pattern::address("10.1.0.0/16")]).is_within(b"10.10.0.1", b"10.19.0.1"));
        for value in ["10.0.0.0/33", "10.0.0/8", "a/b", "10.48.224.300", "10.48.224", "1:2", "::fffff"] {
            assert!(is_no_address(value), "{value}");
        }
        for value in ["10.0.0.1/8", "10.0.0.1", "s3.amazonaws.com", "AWS Internal", "::1", "::ffff:10.0.0.1", ""] {
            assert!(!is_no_address(value), "{value}");
        }
    }
}
