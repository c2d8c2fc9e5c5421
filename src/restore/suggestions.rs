//! Hints after a request that no event matches.
//!
//! In: what was typed, and the lake's own columns. Out: which values exist, and what resembles the others. Never: reads more
//! than some row groups, or reports a value as missing because it was not in those.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use rayon::prelude::{IntoParallelIterator, ParallelIterator};
use serde::Serialize;

use super::filter::Condition;
use super::part::{Part, PartTask};
use super::wanted::FilterSubject;
use super::{RestoreFilter, principal};
use crate::lake::file::guarded;
use crate::lake::root::Root;
use crate::rows::partition::{is_hidden, value_of_folder};

/// Row groups that are searched, spread over the lake.
const MOST_ROW_GROUPS: usize = 64;
/// Suggestions for one typed value.
const MOST_NEAR: usize = 3;
/// Typed values that get suggestions: the first ones.
const MOST_ASKED: usize = 10;
/// Minimum similarity of two names, of 1.
const LEAST_LIKENESS: f64 = 0.6;
/// Longest text that a user may have meant.
const LONGEST_NAME: usize = 300;
/// Shortest text that counts as a part of another, and its minimum share of it.
const SHORTEST_PART: usize = 3;
const LEAST_SHARE: f64 = 0.25;

/// A value of a filter, when no event matched all filters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FilterHint {
    /// Its flag.
    pub flag: &'static str,
    /// The value.
    pub value: String,
    /// Whether some event of the lake has it, so that another filter excludes everything.
    pub is_there: bool,
    /// Similar values in the lake, most similar first.
    pub near: Vec<String>,
}

/// A value that was typed, and what was found so far.
#[derive(Clone)]
struct FilterTerm<'f> {
    subject: FilterSubject,
    value: &'f str,
    condition: Condition,
    is_there: bool,
    near: Vec<(f64, String)>,
}

/// Searches for what was typed, limited to its first values, on the current thread pool.
pub(super) fn hints(filter: &RestoreFilter, parts: &[PartTask], root: &Root, read: &Arc<AtomicU64>) -> Vec<FilterHint> {
    // Identifiers do not resemble each other.
    let subjects = FilterSubject::ALL.into_iter().filter(|subject| *subject != FilterSubject::EventId);
    let asked =
        subjects.flat_map(|subject| subject.values(filter).iter().map(move |value| FilterTerm::new(subject, value)));
    let mut asked: Vec<FilterTerm<'_>> = asked.take(MOST_ASKED).collect();
    if asked.is_empty() {
        return Vec::new();
    }
    let step = parts.len().div_ceil(MOST_ROW_GROUPS).max(1);
    let some: Vec<&PartTask> = parts.iter().step_by(step).collect();
    let row_groups = (MOST_ROW_GROUPS / some.len().max(1)).max(1);
    let seen = some.into_par_iter().filter_map(|task| {
        let mut asked = asked.clone();
        let look = || look_into(task, root, read, row_groups, &mut asked);
        // Damage of the part is reported when something is restored from it.
        guarded(&task.path, look).ok().map(|()| asked)
    });
    for seen in seen.collect::<Vec<_>>() {
        for (asked, seen) in asked.iter_mut().zip(seen) {
            asked.is_there |= seen.is_there;
            for (similarity, name) in seen.near {
                asked.keep(similarity, &name);
            }
        }
    }
    asked.into_iter().map(FilterTerm::hint).collect()
}

/// The first and the last date in folders of parts.
pub(super) fn dates(parts: &[PartTask]) -> Option<(String, String)> {
    let values = parts.iter().flat_map(|part| part.folder.segments());
    let values = values.filter(|(name, _)| matches!(*name, "event_date" | "event_month"));
    let values: BTreeSet<String> = values.filter_map(|(_, value)| value_of_folder(value)).collect();
    Some((values.first()?.clone(), values.last()?.clone()))
}

fn look_into(
    task: &PartTask,
    root: &Root,
    read: &Arc<AtomicU64>,
    row_groups: usize,
    asked: &mut [FilterTerm<'_>],
) -> crate::error::Result<()> {
    let columns: BTreeSet<&'static str> = asked.iter().flat_map(FilterTerm::columns).collect();
    // Values in the path are not in a column of the file.
    for (name, value) in task.folder.segments() {
        if let (Some(column), Some(value)) = (columns.get(name), value_of_folder(value).filter(|it| !is_hidden(it))) {
            for asked in &mut *asked {
                asked.see(column, &value);
            }
        }
    }
    let part = Part::load(task.clone(), root, parquet::file::metadata::PageIndexPolicy::Skip, Arc::clone(read))?;
    for column in columns {
        part.words(column, row_groups, &mut |word| asked.iter_mut().for_each(|asked| asked.see(column, word)))?;
    }
    Ok(())
}

impl<'f> FilterTerm<'f> {
    fn new(subject: FilterSubject, value: &'f String) -> Self {
        let condition = Condition::new(subject, std::slice::from_ref(value));
        Self { subject, value, condition, is_there: false, near: Vec::new() }
    }

    fn columns(&self) -> impl Iterator<Item = &'static str> + use<'_, 'f> {
        let naming = if self.subject == FilterSubject::Principal { principal::NAMING.as_slice() } else { &[] };
        self.condition.names().chain(naming.iter().copied())
    }

    /// Examines a value of a column.
    fn see(&mut self, column: &'static str, word: &str) {
        if self.is_there || !self.columns().any(|name| name == column) {
            return;
        }
        if self.condition.wanted(column).is_some_and(|wanted| wanted.has(word)) {
            self.is_there = true;
        } else if self.subject == FilterSubject::Principal {
            principal::names(column, word, &mut |name| self.compare(name, name));
        } else {
            self.compare(word, word);
            // The short name of a service.
            word.strip_suffix(".amazonaws.com").into_iter().for_each(|service| self.compare(service, word));
        }
    }

    /// Keeps a name that resembles what was typed, by its full or short form.
    fn compare(&mut self, called: &str, name: &str) {
        if name.eq_ignore_ascii_case(self.value) {
            return;
        }
        if let Some(similarity) = similarity(self.value, called) {
            self.keep(similarity, name);
        }
    }

    /// Keeps a name if it is among the most similar; ties are decided by name.
    fn keep(&mut self, similarity: f64, name: &str) {
        if self.near.iter().any(|(other, known)| known == name && *other >= similarity) {
            return;
        }
        self.near.retain(|(_, known)| known != name);
        let is_before = |(other, known): &(f64, String)| {
            other.total_cmp(&similarity).reverse().then_with(|| known.as_str().cmp(name)).is_lt()
        };
        let at = self.near.partition_point(is_before);
        self.near.insert(at, (similarity, name.to_owned()));
        self.near.truncate(MOST_NEAR);
    }

    fn hint(self) -> FilterHint {
        let Self { subject, value, is_there, near, .. } = self;
        let near = if is_there { Vec::new() } else { near.into_iter().map(|(_, name)| name).collect() };
        FilterHint { flag: subject.flag(), value: value.to_owned(), is_there, near }
    }
}

/// The similarity of a name to what was typed, of 1; `None` when it is too low.
fn similarity(typed: &str, name: &str) -> Option<f64> {
    let (short, long) = (typed.len().min(name.len()), typed.len().max(name.len()));
    if short == 0 || long > LONGEST_NAME {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "lengths of names")]
    let share = short as f64 / long as f64;
    let (typed, name) = (typed.to_ascii_lowercase(), name.to_ascii_lowercase());
    let is_part = short >= SHORTEST_PART && share >= LEAST_SHARE;
    if is_part && (name.contains(&typed) || typed.contains(&name)) {
        return Some(LEAST_LIKENESS + (1.0 - LEAST_LIKENESS) * share);
    }
    // Missing text reduces the similarity.
    let is_long_enough = share >= LEAST_LIKENESS;
    let similarity = is_long_enough.then(|| strsim::normalized_levenshtein(&typed, &name))?;
    (similarity >= LEAST_LIKENESS).then_some(similarity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_similar_by_spelling_or_as_parts_of_each_other() {
        let near = |typed: &str, names: &[&str]| {
            let value = typed.to_owned();
            let mut asked = FilterTerm::new(FilterSubject::EventName, &value);
            for name in names {
                asked.see("event_name", name);
            }
            asked.hint().near
        };
        let names = ["PutObject", "GetObjectAcl", "GetObject", "ListBuckets", "AssumeRole", "é"];
        assert_eq!(near("getobjct", &names), ["GetObject", "GetObjectAcl", "PutObject"]);
        assert_eq!(near("ListBucket", &names), ["ListBuckets"]);
        assert_eq!(near("s3:GetObject", &names)[0], "GetObject");
        assert!(near("get", &["GetAccountAuthorizationDetails"]).is_empty());
        assert!(near("TerminateInstances", &names).is_empty() && near("", &names).is_empty());
        let value = "getobject".to_owned();
        let mut there = FilterTerm::new(FilterSubject::EventName, &value);
        for name in names {
            there.see("event_name", name);
        }
        assert_eq!(there.hint(), FilterHint { flag: "--event-name", value, is_there: true, near: Vec::new() });
    }

    #[test]
    fn the_most_similar_names_do_not_depend_on_the_order() {
        let value = "alice".to_owned();
        let near = |names: &[&str]| {
            let mut asked = FilterTerm::new(FilterSubject::Principal, &value);
            for name in names {
                asked.see("user_identity_user_name", name);
            }
            asked.hint().near
        };
        let names = ["alice.b", "alic", "bob", "alicia", "alice2", "alice1", "alice1"];
        let reversed: Vec<&str> = names.iter().rev().copied().collect();
        assert_eq!(near(&names), near(&reversed));
        assert_eq!(near(&names).len(), MOST_NEAR);
    }
}
