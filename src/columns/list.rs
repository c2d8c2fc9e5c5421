//! Lists of structs to an Arrow column.
//!
//! In: elements, a member at a time, list after list. Out: one list for every row. Never: anything stored for a row
//! without a list but where the next one begins.

use std::sync::Arc;

use arrow::array::builder::{Decimal128Builder, NullBufferBuilder, StringBuilder};
use arrow::array::{ArrayBuilder, ArrayRef, ListArray, StructArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, FieldRef};

use crate::error::{Error, Result};

/// A list of structs under construction.
pub(crate) struct ListBuilder {
    element: FieldRef,
    offsets: Vec<i32>,
    valid: NullBufferBuilder,
    members: Vec<MemberBuilder>,
    elements_valid: NullBufferBuilder,
}

impl ListBuilder {
    pub(super) fn new(element: FieldRef) -> Self {
        let members = match element.data_type() {
            DataType::Struct(fields) => fields.iter().map(|field| MemberBuilder::new(field.data_type())).collect(),
            _ => Vec::new(),
        };
        Self {
            element,
            offsets: vec![0],
            valid: NullBufferBuilder::new(0),
            members,
            elements_valid: NullBufferBuilder::new(0),
        }
    }

    /// The member to put the current element's value into.
    pub(crate) fn member(&mut self, index: usize) -> &mut MemberBuilder {
        let elements = self.elements_valid.len();
        let member = &mut self.members[index];
        member.pad_to(elements);
        member
    }

    /// Finishes the current element.
    pub(crate) fn end_element(&mut self) {
        self.elements_valid.append_non_null();
    }

    /// Adds an element that is null as a whole.
    pub(crate) fn null_element(&mut self) {
        self.elements_valid.append_null();
    }

    /// Finishes the list of the current row.
    pub(crate) fn end_list(&mut self) {
        self.push_offset();
        self.valid.append_non_null();
    }

    /// Gives the rows before this one that have no list a null.
    pub(super) fn pad_to(&mut self, rows: usize) {
        for _ in self.offsets.len() - 1..rows {
            self.push_offset();
            self.valid.append_null();
        }
    }

    fn push_offset(&mut self) {
        // A batch is a few MB of JSON, far below the two billion elements of a 32-bit offset.
        self.offsets.push(i32::try_from(self.elements_valid.len()).unwrap_or(i32::MAX));
    }

    /// The lists of this many rows.
    pub(super) fn finish(&mut self, rows: usize) -> Result<ArrayRef> {
        self.pad_to(rows);
        let elements = self.elements_valid.len();
        let members = self.members.iter_mut().map(|member| member.finish(elements)).collect::<Result<Vec<_>>>()?;
        let DataType::Struct(fields) = self.element.data_type() else {
            return Err(Error::internal("a list column holds no structs"));
        };
        let structs =
            StructArray::try_new(fields.clone(), members, self.elements_valid.finish()).map_err(Error::internal)?;
        let offsets = OffsetBuffer::new(std::mem::replace(&mut self.offsets, vec![0]).into());
        let list = ListArray::try_new(Arc::clone(&self.element), offsets, Arc::new(structs), self.valid.finish())
            .map_err(Error::internal)?;
        Ok(Arc::new(list))
    }
}

/// A member of the structs.
pub(crate) enum MemberBuilder {
    Text(StringBuilder),
    Quantity(Decimal128Builder),
    List(Box<ListBuilder>),
}

impl MemberBuilder {
    fn new(data_type: &DataType) -> Self {
        match data_type {
            DataType::Decimal128(..) => {
                Self::Quantity(Decimal128Builder::with_capacity(0).with_data_type(data_type.clone()))
            }
            DataType::List(element) => Self::List(Box::new(ListBuilder::new(Arc::clone(element)))),
            _ => Self::Text(StringBuilder::with_capacity(0, 0)),
        }
    }

    fn pad_to(&mut self, elements: usize) {
        match self {
            Self::Text(builder) => builder.append_nulls(elements - builder.len()),
            Self::Quantity(builder) => builder.append_nulls(elements - builder.len()),
            Self::List(builder) => builder.pad_to(elements),
        }
    }

    /// Puts text into a text member.
    pub(crate) fn text(&mut self, value: &str) {
        match self {
            Self::Text(builder) => builder.append_value(value),
            _ => debug_assert!(false, "not a text member"),
        }
    }

    /// Puts millionths into a quantity member.
    pub(crate) fn quantity(&mut self, units: i128) {
        match self {
            Self::Quantity(builder) => builder.append_value(units),
            _ => debug_assert!(false, "not a quantity member"),
        }
    }

    /// The list member to add elements to.
    pub(crate) fn list(&mut self) -> Option<&mut ListBuilder> {
        match self {
            Self::List(builder) => Some(builder),
            _ => None,
        }
    }

    fn finish(&mut self, elements: usize) -> Result<ArrayRef> {
        self.pad_to(elements);
        Ok(match self {
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Quantity(builder) => Arc::new(builder.finish()),
            Self::List(builder) => builder.finish(elements)?,
        })
    }
}
