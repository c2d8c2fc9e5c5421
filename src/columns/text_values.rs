//! Reading text columns of either type.
//!
//! In: a column of text, dictionary-encoded or not. Out: the value of a row. Never: a copy.

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, StringArray};
use arrow::datatypes::Int32Type;

/// A column of text, whether each value stands for itself or is a number in a dictionary.
pub(crate) enum TextValues<'b> {
    Plain(&'b StringArray),
    Dictionary(&'b Int32Array, &'b StringArray),
}

impl<'b> TextValues<'b> {
    /// `None` when it is no text.
    pub(crate) fn of(column: &'b ArrayRef) -> Option<Self> {
        match column.as_dictionary_opt::<Int32Type>() {
            Some(dictionary_array) => {
                Some(Self::Dictionary(dictionary_array.keys(), dictionary_array.values().as_string_opt()?))
            }
            None => Some(Self::Plain(column.as_string_opt()?)),
        }
    }

    /// The text of a row, if it has one.
    pub(crate) fn value(&self, row: usize) -> Option<&'b str> {
        match *self {
            Self::Plain(texts) => texts.is_valid(row).then(|| texts.value(row)),
            Self::Dictionary(keys, texts) => keys.is_valid(row).then(|| texts.value(keys.value(row) as usize)),
        }
    }
}
