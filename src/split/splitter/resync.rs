//! Resync: the way back from damage to the next certain event.
//!
//! In: text that cannot be trusted. Out: where the next event begins in it. Never: an incomplete event, or unbounded
//! cost.

use std::ops::Range;

use memchr::{memchr_iter, memmem};

use crate::json::scan::{self, skip_space, trim_space_end};
use crate::split::document::message_start;

/// What surrounds an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Among {
    /// Elements of an event array: a comma precedes an object whose first member is `eventVersion`, and a comma or the
    /// end of the array follows it. In JSON, a comma precedes an object only in an array.
    Elements,
    /// Lines, each of which is a document: no string of JSON contains a line break.
    Lines,
}

/// A position where an event may begin.
struct Candidate {
    among: Among,
    /// Its bracket.
    object: usize,
    /// Where to continue: the bracket, or the line.
    start: usize,
    damage_end: usize,
}

/// Searches after damage for the next event that is certain: complete, in a position where events are, and accepted by
/// `is_certain`.
///
/// A candidate that the window truncates is waited for, up to `longest_wait` bytes of it: the result must not
/// depend on where windows end. Each candidate costs a scan and a parse, so all of them together may cost no more
/// than `budget` bytes of text.
pub(super) fn resync_after(
    window: &[u8],
    is_all: bool,
    damage: usize,
    places: &[Among],
    longest_wait: usize,
    budget: &mut usize,
    mut is_certain: impl FnMut(Among, Range<usize>) -> bool,
) -> Resync {
    let mut undecided = None;
    let mut elements = elements(window, damage).filter(|_| places.contains(&Among::Elements)).peekable();
    let mut lines = lines(window, damage).filter(|_| places.contains(&Among::Lines)).peekable();
    let candidates = std::iter::from_fn(|| match (elements.peek(), lines.peek()) {
        (Some(element), Some(line)) if line.object < element.object => lines.next(),
        (None, Some(_)) => lines.next(),
        _ => elements.next(),
    });
    for Candidate { among, object, start, damage_end } in candidates {
        let end = scan::container_end(window, object);
        *budget = budget.saturating_sub(end.unwrap_or(window.len()) - object);
        if *budget == 0 {
            break;
        }
        let behind = end.and_then(|end| window.get(skip_space(window, end)));
        let is_in_place = among == Among::Lines || matches!(behind, Some(b',' | b']'));
        match (end, behind) {
            (Some(end), _) if is_in_place && is_certain(among, object..end) => {
                return Resync::At { damage_end, start, among };
            }
            (None, _) | (_, None) if !is_all => {
                undecided.get_or_insert(damage_end);
                if window.len() - object <= longest_wait {
                    break;
                }
            }
            _ => {}
        }
    }
    undecided.map_or(Resync::Nowhere, Resync::Undecided)
}

fn elements(window: &[u8], damage: usize) -> impl Iterator<Item = Candidate> {
    let names = memmem::find_iter(&window[damage..], b"\"eventVersion\"").map(move |at| at + damage);
    names.filter_map(move |name| {
        let before = |at: usize, wanted: u8| {
            let end = trim_space_end(window, at);
            (end > damage && window[end - 1] == wanted).then(|| end - 1)
        };
        let object = before(name, b'{')?;
        // The damage may begin with the comma, and be preceded by white space.
        let damage_end = trim_space_end(window, before(object, b',')?).max(damage);
        Some(Candidate { among: Among::Elements, object, start: object, damage_end })
    })
}

fn lines(window: &[u8], damage: usize) -> impl Iterator<Item = Candidate> {
    memchr_iter(b'\n', &window[damage..]).filter_map(move |at| {
        let line = damage + at + 1;
        let object = message_start(window, line).unwrap_or(line);
        let is_object = window.get(object) == Some(&b'{');
        is_object.then_some(Candidate { among: Among::Lines, object, start: line, damage_end: line - 1 })
    })
}

/// Where to resync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resync {
    /// An event begins at `start`; the damaged text ends before its comma or its line.
    At { damage_end: usize, start: usize, among: Among },
    /// A candidate follows this offset, and the window ends before it can be judged.
    Undecided(usize),
    /// There is no candidate.
    Nowhere,
}
