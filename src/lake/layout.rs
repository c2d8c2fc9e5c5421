//! What the files of a table look like.
//!
//! In: a table and the partition columns of a lake. Out: the columns of its files and their schema. Never: a column that is
//! in the path, as Athena requires.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowSchemaConverter;
use parquet::schema::types::SchemaDescriptor;

use crate::error::{Error, Result};
use crate::model::PartitionColumn;
use crate::schema::Table;

/// The columns of a table's files.
#[derive(Clone, Debug)]
pub(crate) struct FileLayout {
    /// Their positions among the declared columns.
    pub(crate) kept: Vec<usize>,
    pub(crate) schema: Schema,
    pub(crate) descriptor: SchemaDescriptor,
}

impl FileLayout {
    /// The layout of a table; bookkeeping tables are not partitioned.
    ///
    /// # Errors
    ///
    /// None that data could cause.
    pub(crate) fn new(table: Table, partition_by: &[PartitionColumn]) -> Result<Self> {
        let is_in_path =
            |name: &str| table.is_partitioned() && partition_by.iter().any(|column| column.as_str() == name);
        let kept: Vec<usize> = (0..table.columns().len()).filter(|at| !is_in_path(table.columns()[*at].name)).collect();
        let schema = table.arrow_schema().project(&kept).map_err(Error::internal)?;
        let descriptor = ArrowSchemaConverter::new().convert(&schema).map_err(Error::internal)?;
        Ok(Self { kept, schema, descriptor })
    }

    /// The schema of these files of the table, with repeating text as dictionary keys.
    pub(crate) fn dictionary_schema(&self, table: Table) -> SchemaRef {
        let is_dictionary_encoded =
            |at: usize| table.is_partitioned() && table.columns()[self.kept[at]].is_dictionary_encoded();
        let fields = self.schema.fields().iter().enumerate();
        let fields = fields
            .map(|(at, field)| if is_dictionary_encoded(at) { dictionary_field(field) } else { Arc::clone(field) });
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }
}

/// A field of repeating text, as dictionary keys.
pub(crate) fn dictionary_field(field: &Field) -> Arc<Field> {
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    Arc::new(field.clone().with_data_type(dictionary))
}
