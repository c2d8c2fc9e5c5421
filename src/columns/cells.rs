//! Values of one column, each with its row.
//!
//! In: values, in the order of rows that have one. Out: a value for every place of a chunk, and which are there. Never:
//! anything stored for a row without a value.

use std::ops::Range;

use arrow::buffer::NullBuffer;

/// Where the rows of a chunk go, and which objects they have.
pub(super) struct Layout<'l> {
    /// Place of each row.
    pub(super) places: Vec<u32>,
    /// By kind of object: rows that have one, and its number.
    pub(super) objects: &'l [Vec<(u32, u32)>],
}

/// Values of fixed size.
pub(super) struct Cells<T> {
    by_row: Vec<(u32, T)>,
    /// Values by the number of an object that has them.
    by_object: Vec<Option<T>>,
    /// The kind of these objects.
    kind: usize,
}

impl<T> Default for Cells<T> {
    fn default() -> Self {
        Self { by_row: Vec::new(), by_object: Vec::new(), kind: 0 }
    }
}

impl<T: Copy + Default> Cells<T> {
    /// Puts a value into a row; rows only ever rise.
    #[inline]
    pub(super) fn push(&mut self, row: u32, value: T) {
        self.by_row.push((row, value));
    }

    /// The value put in last.
    pub(super) fn last(&self) -> Option<T> {
        self.by_row.last().map(|(_, value)| *value)
    }

    /// Keeps the value that an object has; `false` when the column keeps values of objects of another kind.
    pub(super) fn remember(&mut self, kind: usize, number: u32, value: T) -> bool {
        if self.by_object.is_empty() {
            self.kind = kind;
        }
        if self.kind != kind {
            return false;
        }
        if self.by_object.len() <= number as usize {
            self.by_object.resize(number as usize + 1, None);
        }
        self.by_object[number as usize] = Some(value);
        true
    }

    /// The value that an object has.
    pub(super) fn of_object(&self, kind: usize, number: u32) -> Option<T> {
        if self.kind == kind { *self.by_object.get(number as usize)? } else { None }
    }

    /// Shows the values put into rows.
    pub(super) fn each(&self, mut show: impl FnMut(u32, T)) {
        self.by_row.iter().for_each(|(row, value)| show(*row, *value));
    }

    /// The values in their places, with those that are there; `None` when there is none. Nothing is left.
    pub(super) fn finish(&mut self, layout: &Layout<'_>) -> Option<(Vec<T>, Option<NullBuffer>)> {
        let objects = layout.objects.get(self.kind).filter(|_| !self.by_object.is_empty());
        if self.by_row.is_empty() && objects.is_none_or(Vec::is_empty) {
            self.by_object.clear();
            return None;
        }
        let rows = layout.places.len();
        let mut values = vec![T::default(); rows];
        let mut valid = vec![false; rows];
        let mut put = |row: u32, value: T| {
            let place = layout.places[row as usize] as usize;
            values[place] = value;
            valid[place] = true;
        };
        self.by_row.drain(..).for_each(|(row, value)| put(row, value));
        for (row, number) in objects.into_iter().flatten() {
            if let Some(Some(value)) = self.by_object.get(*number as usize) {
                put(*row, *value);
            }
        }
        self.by_object.clear();
        let valid = NullBuffer::from(valid);
        match valid.null_count() {
            0 => Some((values, None)),
            nulls if nulls == rows => None,
            _ => Some((values, Some(valid))),
        }
    }
}

/// Values of any size, which stand one behind the other in a text.
#[derive(Default)]
pub(super) struct Spans {
    /// Row of each value and where it ends.
    ends: Vec<(u32, usize)>,
}

impl Spans {
    /// Notes that the text up to `end` is the value of a row.
    pub(super) fn push(&mut self, row: u32, end: usize) {
        self.ends.push((row, end));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Where the value of each place stands, `None` where there is none. Nothing is left.
    pub(super) fn finish(&mut self, layout: &Layout<'_>) -> impl Iterator<Item = Option<Range<usize>>> {
        let mut spans = vec![None; layout.places.len()];
        let mut start = 0;
        for (row, end) in self.ends.drain(..) {
            spans[layout.places[row as usize] as usize] = Some(start..end);
            start = end;
        }
        spans.into_iter()
    }
}
