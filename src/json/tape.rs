//! JSON text to a simd-json tape, with access to the source text.
//!
//! In: UTF-8 text of one JSON value. Out: a [`Document`] whose values know their source text, byte for byte.
//! Never: keeps numbers in a float, or loses the original: simd-json parses in place and destroys its input, so it gets
//! a copy, and everything that must be exact is read from the source.
//!
//! A tape node has no position. But a string node is a slice of the parsed buffer, so its address gives its offset,
//! and every member of an object starts with one: its key. The text of a member's value runs from the colon after its
//! own key to the comma before the next key. So verbatim JSON costs a copy but no second parse.

use memchr::memchr;
use simd_json::{Buffers, INPUT_PADDING, Node, StaticNode, Tape};

use super::{lenient, scan};

/// Maximum nesting: simd-json's own stack is bounded by it, whatever the input.
pub(crate) const MAX_DEPTH: usize = 1_000;

/// Why text is not a JSON value.
#[derive(Debug)]
pub(crate) enum ParseError {
    /// Nested more than [`MAX_DEPTH`] deep.
    TooDeep,
    /// Not JSON; the parser's message.
    Invalid(String),
}

/// A worker's reusable parse buffers.
pub(crate) struct Parser {
    scratch: Vec<u8>,
    buffers: Buffers,
    tape: Tape<'static>,
    lone_surrogates: Vec<usize>,
}

impl Default for Parser {
    fn default() -> Self {
        Self {
            scratch: Vec::new(),
            buffers: Buffers::with_max_depth(0, MAX_DEPTH),
            tape: Tape::null(),
            lone_surrogates: Vec::new(),
        }
    }
}

impl Parser {
    /// Parses `source` and passes the document to `visit`.
    pub(crate) fn parse<R>(&mut self, source: &str, visit: impl FnOnce(Document<'_>) -> R) -> Result<R, ParseError> {
        self.load(source);
        self.lone_surrogates.clear();
        self.run(source, visit)
    }

    /// Like [`Parser::parse`], and also accepts what JSON allows and simd-json rejects: numbers beyond 64 bits and
    /// escapes of lone surrogates. The parser sees replacements of the same length; values are read from the source.
    pub(crate) fn parse_lenient<R>(
        &mut self,
        source: &str,
        visit: impl FnOnce(Document<'_>) -> R,
    ) -> Result<R, ParseError> {
        self.load(source);
        self.lone_surrogates.clear();
        lenient::replace_rejected(&mut self.scratch[..source.len()], &mut self.lone_surrogates);
        self.run(source, visit)
    }

    fn load(&mut self, source: &str) {
        self.scratch.clear();
        self.scratch.reserve(source.len() + INPUT_PADDING);
        self.scratch.extend_from_slice(source.as_bytes());
        self.scratch.resize(source.len() + INPUT_PADDING, b' ');
    }

    fn run<R>(&mut self, source: &str, visit: impl FnOnce(Document<'_>) -> R) -> Result<R, ParseError> {
        let mut tape = std::mem::replace(&mut self.tape, Tape(Vec::new())).reset();
        let base = self.scratch.as_ptr().addr();
        let parsed = simd_json::fill_tape_padded(&mut self.scratch, source.len(), &mut self.buffers, &mut tape);
        let result = match parsed {
            Ok(()) => Ok(visit(Document { nodes: &tape.0, base, source, lone_surrogates: &self.lone_surrogates })),
            Err(error) if *error.error() == simd_json::ErrorType::DepthLimitExceeded => Err(ParseError::TooDeep),
            Err(error) => Err(ParseError::Invalid(error.to_string())),
        };
        self.tape = tape.reset();
        result
    }
}

/// A parsed JSON value with its source.
#[derive(Clone, Copy)]
pub(crate) struct Document<'t> {
    nodes: &'t [Node<'t>],
    /// Address of the parsed buffer, which strings are slices of.
    base: usize,
    source: &'t str,
    lone_surrogates: &'t [usize],
}

impl<'t> Document<'t> {
    /// The outermost value.
    pub(crate) const fn root(self) -> Value<'t> {
        Value { document: self, at: 0 }
    }

    /// Whether a string of the tape has a UTF-8 form; the replacement of a lone surrogate has none.
    fn is_text(self, text: &str) -> bool {
        self.lone_surrogates.is_empty() || {
            let (start, end) = (self.offset(text), self.offset_after(text));
            let first = self.lone_surrogates.partition_point(|at| *at < start);
            self.lone_surrogates.get(first).is_none_or(|at| *at >= end)
        }
    }

    /// Offset in the source of the first character of a string of the tape.
    fn offset(self, text: &str) -> usize {
        text.as_ptr().addr() - self.base
    }

    /// Offset after the closing quote of a string of the tape.
    fn offset_after(self, text: &str) -> usize {
        let start = self.offset(text);
        let bytes = self.source.as_bytes();
        // Without a backslash the text is in the source verbatim; every escape starts with one.
        if memchr(b'\\', &bytes[start..start + text.len()]).is_none() && bytes[start + text.len()] == b'"' {
            start + text.len() + 1
        } else {
            scan::string_end(bytes, start).unwrap_or(bytes.len())
        }
    }
}

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shape<'t> {
    Null,
    Boolean(bool),
    /// Its digits are in [`Member::raw`].
    Number,
    String(&'t str),
    Array,
    Object,
}

/// One value of a document.
#[derive(Clone, Copy)]
pub(crate) struct Value<'t> {
    document: Document<'t>,
    at: usize,
}

impl<'t> Value<'t> {
    pub(crate) fn shape(self) -> Shape<'t> {
        match self.document.nodes[self.at] {
            Node::String(text) => Shape::String(text),
            Node::Object { .. } => Shape::Object,
            Node::Array { .. } => Shape::Array,
            Node::Static(StaticNode::Null) => Shape::Null,
            Node::Static(StaticNode::Bool(value)) => Shape::Boolean(value),
            Node::Static(_) => Shape::Number,
        }
    }

    pub(crate) fn is_null(self) -> bool {
        self.shape() == Shape::Null
    }

    pub(crate) fn is_object(self) -> bool {
        self.shape() == Shape::Object
    }

    /// The text of a string; `None` for other shapes and for strings that have no UTF-8 form.
    pub(crate) fn text(self) -> Option<&'t str> {
        match self.shape() {
            Shape::String(text) if self.document.is_text(text) => Some(text),
            _ => None,
        }
    }

    /// The members of an object in source order; nothing for other shapes.
    pub(crate) fn members(self) -> Members<'t> {
        let left = match self.document.nodes[self.at] {
            Node::Object { len, .. } => len,
            _ => 0,
        };
        Members { document: self.document, at: self.at + 1, left }
    }

    /// The elements of an array; nothing for other shapes.
    pub(crate) fn elements(self) -> Elements<'t> {
        let left = match self.document.nodes[self.at] {
            Node::Array { len, .. } => len,
            _ => 0,
        };
        Elements { document: self.document, at: self.at + 1, left }
    }

    /// The text of an object from its first byte to its last; `None` for other shapes and for an object without members,
    /// whose position is not known.
    pub(crate) fn raw_object(self) -> Option<&'t str> {
        let mut members = self.members();
        let first = members.next()?;
        let last = members.last().unwrap_or(first).raw();
        let source = self.document.source;
        let bytes = source.as_bytes();
        let start = scan::trim_space_end(bytes, self.document.offset(first.name) - 1) - 1;
        let end = last.as_ptr().addr() - source.as_ptr().addr() + last.len();
        Some(&source[start..=scan::skip_space(bytes, end)])
    }

    /// The first member with this name.
    pub(crate) fn get(self, name: &str) -> Option<Member<'t>> {
        self.members().find(|member| member.name() == name)
    }
}

/// Number of nodes of the value at `at`.
fn node_count(nodes: &[Node<'_>], at: usize) -> usize {
    match nodes[at] {
        Node::Object { count, .. } | Node::Array { count, .. } => count + 1,
        _ => 1,
    }
}

/// Iterator over the members of an object.
#[derive(Clone)]
pub(crate) struct Members<'t> {
    document: Document<'t>,
    at: usize,
    left: usize,
}

impl<'t> Iterator for Members<'t> {
    type Item = Member<'t>;

    fn next(&mut self) -> Option<Member<'t>> {
        self.left = self.left.checked_sub(1)?;
        let Node::String(name) = self.document.nodes[self.at] else {
            return None;
        };
        let value = Value { document: self.document, at: self.at + 1 };
        self.at = value.at + node_count(self.document.nodes, value.at);
        let next_name = match self.document.nodes.get(self.at) {
            Some(Node::String(next)) if self.left > 0 => Some(*next),
            _ => None,
        };
        Some(Member { name, value, next_name })
    }
}

/// Iterator over the elements of an array.
#[derive(Clone)]
pub(crate) struct Elements<'t> {
    document: Document<'t>,
    at: usize,
    left: usize,
}

impl<'t> Iterator for Elements<'t> {
    type Item = Value<'t>;

    fn next(&mut self) -> Option<Value<'t>> {
        self.left = self.left.checked_sub(1)?;
        let value = Value { document: self.document, at: self.at };
        self.at += node_count(self.document.nodes, self.at);
        Some(value)
    }
}

/// A member of an object.
#[derive(Clone, Copy)]
pub(crate) struct Member<'t> {
    name: &'t str,
    value: Value<'t>,
    /// The name of the next member, which shows where this one's value ends.
    next_name: Option<&'t str>,
}

impl<'t> Member<'t> {
    pub(crate) const fn name(self) -> &'t str {
        self.name
    }

    pub(crate) const fn value(self) -> Value<'t> {
        self.value
    }

    /// Whether both are the same member of one document, not just equal.
    pub(crate) const fn is(self, other: Self) -> bool {
        self.value.at == other.value.at
    }

    /// Whether the name has a UTF-8 form.
    pub(crate) fn has_text_name(self) -> bool {
        self.value.document.is_text(self.name)
    }

    /// The elements of an array verbatim; nothing for other shapes.
    pub(crate) fn raw_elements(self) -> impl Iterator<Item = &'t str> {
        raw_elements(self.raw())
    }

    /// The name verbatim, without its quotes.
    pub(crate) fn raw_name(self) -> &'t str {
        let document = self.value.document;
        &document.source[document.offset(self.name)..document.offset_after(self.name) - 1]
    }

    /// The value verbatim, from its first byte to its last.
    pub(crate) fn raw(self) -> &'t str {
        let document = self.value.document;
        let bytes = document.source.as_bytes();
        let colon = scan::skip_space(bytes, document.offset_after(self.name));
        let start = scan::skip_space(bytes, colon + 1);
        let end = match (document.nodes[self.value.at], self.next_name) {
            (Node::String(text), _) => document.offset_after(text),
            (Node::Static(_), _) => scan::scalar_end(bytes, start),
            (_, Some(next)) => {
                let comma = scan::trim_space_end(bytes, document.offset(next) - 1) - 1;
                scan::trim_space_end(bytes, comma)
            }
            (_, None) => scan::container_end(bytes, start).unwrap_or(bytes.len()),
        };
        &document.source[start..end]
    }
}

/// The elements of a valid array verbatim; nothing for other values.
pub(crate) fn raw_elements(array: &str) -> impl Iterator<Item = &str> {
    let bytes = array.as_bytes();
    let mut at = scan::skip_space(bytes, 0) + 1;
    let is_array = bytes.get(at - 1) == Some(&b'[');
    std::iter::from_fn(move || {
        let start = scan::skip_space(bytes, at);
        let end = scan::value_end(bytes, start).filter(|end| is_array && *end > start && bytes[start] != b']')?;
        at = scan::skip_space(bytes, end) + 1;
        Some(&array[start..end])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw_members(text: &str) -> Vec<(String, String)> {
        Parser::default()
            .parse_lenient(text, |document| {
                document
                    .root()
                    .members()
                    .map(|member| (member.raw_name().to_owned(), member.raw().to_owned()))
                    .collect()
            })
            .expect("valid JSON")
    }

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let expected: Vec<_> = expected.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        assert_eq!(raw_members(text), expected, "{text}");
    }

    #[test]
    fn values_are_verbatim() {
        check(
            "{ \"a\" : 1.10 , \"b\\\"\": {\"x\" : [ 1,2 ] } ,\"\":\"\" ,\n\"c\\u003d\":\"q\\\"\\\\\", \"d\":[{ }] }",
            &[
                ("a", "1.10"),
                ("b\\\"", "{\"x\" : [ 1,2 ] }"),
                ("", "\"\""),
                ("c\\u003d", "\"q\\\"\\\\\""),
                ("d", "[{ }]"),
            ],
        );
        check("{}", &[]);
        check("{\"\\\"\":\"\\\"\"}", &[("\\\"", "\"\\\"\"")]);
    }

    #[test]
    fn objects_in_arrays_are_verbatim() {
        let text = "[ { \"a\" : 1 } ,{\"b\\u0063\":[{ }, \"}\"] , \"d\":{\"e\":{}}\n}, {}, 7, {\"f\":\"\\\"}\"}]";
        let objects = Parser::default().parse_lenient(text, |document| {
            document.root().elements().map(|value| value.raw_object().map(str::to_owned)).collect::<Vec<_>>()
        });
        let objects = objects.expect("valid JSON");
        let raw: Vec<_> = raw_elements(text).map(|raw| Some(raw.to_owned())).collect();
        assert_eq!(objects, [raw[0].clone(), raw[1].clone(), None, None, raw[4].clone()]);
    }

    #[test]
    fn numbers_of_any_size_keep_every_digit() {
        check(
            "{\"a\":12345678901234567890123,\"b\":[-1E400],\"c\":-0.0}",
            &[("a", "12345678901234567890123"), ("b", "[-1E400]"), ("c", "-0.0")],
        );
        let mut parser = Parser::default();
        for bad in ["{\"a\":01}", "{\"a\":1.}", "{\"a\":-}", "{\"a\":1e}", "{\"a\":+1}", "{\"a\":.5}", "{\"a\":1 2}"] {
            assert!(parser.parse_lenient(bad, |_| ()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_lone_surrogate_has_no_text_but_keeps_its_source() {
        let text = r#"{"a":"x\ud800y","b":"\ud83d\ude00","c":"\ufffd"}"#;
        let mut parser = Parser::default();
        assert!(parser.parse(text, |_| ()).is_err());
        parser
            .parse_lenient(text, |document| {
                let texts: Vec<_> = document.root().members().map(|member| member.value().text()).collect();
                assert_eq!(texts, [None, Some("😀"), Some("\u{fffd}")]);
            })
            .expect("valid JSON");
        check(text, &[("a", r#""x\ud800y""#), ("b", r#""\ud83d\ude00""#), ("c", r#""\ufffd""#)]);
    }

    #[test]
    fn nesting_is_bounded() {
        let mut parser = Parser::default();
        let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parser.parse(&deep(900), |_| ()).is_ok());
        assert!(matches!(parser.parse(&deep(100_000), |_| ()), Err(ParseError::TooDeep)));
        assert!(parser.parse(&"[".repeat(100_000), |_| ()).is_err());
    }
}
