"""pyarrow: Arrow's C++ reader.

Partition columns are declared, and Hive's name for null has to be given. Reads a table whole; knows neither bloom
filters nor the page index when it reads, but reports that they are there.
"""

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.fs
import pyarrow.parquet as pq

from contract import ALLOCATIONS, ELEMENT, LISTS, NULL_PARTITION, RESOURCES, TEXTS, measure, nested, partition, quantity

NAME = 'pyarrow'
BLIND = {'bloom filters', 'page index'}

_TAGS = pa.list_(pa.field('element', pa.struct([('key', pa.string()), ('value', pa.string())])))
TYPES = {
    'STRING': pa.string(),
    'STRING (JSON)': pa.string(),
    'BOOLEAN': pa.bool_(),
    'INT': pa.int32(),
    'BIGINT': pa.int64(),
    'TIMESTAMP': pa.timestamp('ms', tz='UTC'),
    'DECIMAL(18,6)': pa.decimal128(18, 6),
    'BINARY': pa.binary(),
    RESOURCES: pa.list_(
        pa.field('element', pa.struct([('arn', pa.string()), ('account_id', pa.string()), ('type', pa.string())]))
    ),
    ALLOCATIONS: pa.list_(
        pa.field('element', pa.struct([('allocated_usage_quantity', pa.decimal128(18, 6)), ('tags', _TAGS)]))
    ),
}


def version():
    return pa.__version__


def s3_file_system(s3):
    return pyarrow.fs.S3FileSystem(
        access_key=s3['access_key'],
        secret_key=s3['secret_key'],
        region=s3['region'],
        endpoint_override=s3['endpoint'],
    )


class Reader:
    def __init__(self, s3):
        self.s3 = None if s3 is None else s3_file_system(s3)

    def open(self, root, table, columns, partition_columns):
        remote = root.startswith('s3://')
        partitions = pa.schema([(column, pa.string()) for column in partition_columns])
        dataset = ds.dataset(
            f"{root.removeprefix('s3://')}/{table}",
            format='parquet',
            filesystem=self.s3 if remote else None,
            partitioning=ds.HivePartitioning(partitions, null_fallback=NULL_PARTITION),
        )
        for fragment in dataset.get_fragments():
            found = fragment.physical_schema
            if not found.equals(schema(columns), check_metadata=False):
                raise TypeError(f'{fragment.path}: {found.to_string(show_field_metadata=False)}')
        rows = dataset.to_table()
        rows.validate(full=True)
        return columns, partition_columns, rows

    def types(self, opened):
        columns, partition_columns, rows = opened
        return {
            field.name: columns[field.name] if TYPES.get(columns.get(field.name)) == field.type else str(field.type)
            for field in rows.schema
            if field.name not in partition_columns
        }

    def rows(self, opened):
        return opened[2].num_rows

    def measures(self, opened, columns):
        found = {}
        for path, kind in columns.items():
            lists, leaf = nested(path)
            values = None
            for name in lists:
                values = pc.list_flatten(opened[2][name] if values is None else pc.struct_field(values, name))
            if leaf:
                values = opened[2][leaf] if values is None else pc.struct_field(values, leaf)
            found[path] = measured(kind, values)
        return found

    def partitions(self, opened):
        _, columns, rows = opened
        times = rows.select(columns).append_column('time', rows['event_time'].cast(pa.int64()))
        wanted = [('time', 'count', pc.CountOptions('all')), ('time', 'min'), ('time', 'max')]
        grouped = times.group_by(columns).aggregate(wanted)
        found = {}
        for row in grouped.to_pylist():
            extremes = [None if row[name] is None else str(row[name]) for name in ('time_min', 'time_max')]
            found[partition(row[column] for column in columns)] = [row['time_count'], *extremes]
        return found

    def outcomes(self, opened):
        grouped = opened[2].group_by('outcome').aggregate([('outcome', 'count'), ('quantity', 'sum')])
        return {row['outcome']: [row['outcome_count'], quantity(row['quantity_sum'])] for row in grouped.to_pylist()}

    def event_times(self, opened, event_ids):
        found = {}
        for event_id in event_ids:
            rows = opened[2].filter(pc.field('event_id') == event_id)
            found[event_id] = [str(time) for time in rows['event_time'].cast(pa.int64()).to_pylist()]
        return found

    def indexes(self, file):
        metadata = pq.ParquetFile(file).metadata
        groups = [metadata.row_group(at) for at in range(metadata.num_row_groups)]
        chunks = [group.column(at) for group in groups for at in range(group.num_columns)]
        filters = {chunk.path_in_schema for chunk in chunks if chunk.bloom_filter_offset is not None}
        indexes = {chunk.path_in_schema for chunk in chunks if chunk.has_column_index and chunk.has_offset_index}
        return {'bloom_filters': sorted(filters), 'page_index': sorted(indexes)}

    def looked_at(self, file, condition, bloom_filters, page_index):
        return None


def schema(columns):
    return pa.schema([(name, TYPES[kind]) for name, kind in columns.items()])


def measured(kind, values):
    present = len(values) - values.null_count
    if kind == ELEMENT:
        return measure(kind, present, 0, None, None)
    if kind in TEXTS or kind == 'BINARY':
        # Python compares text by code points and bytes by bytes, which gives the same order.
        sorted_values = [value for value in values.to_pylist() if value is not None]
        total = pc.sum(pc.binary_length(values)).as_py()
        return measure(kind, present, total, min(sorted_values, default=None), max(sorted_values, default=None))
    if kind in LISTS:
        values = pc.list_value_length(values)
    elif kind == 'TIMESTAMP':
        values = values.cast(pa.int64())
    elif kind == 'BOOLEAN':
        values = values.cast(pa.int8())
    extremes = pc.min_max(values).as_py()
    return measure(kind, present, pc.sum(values).as_py(), extremes['min'], extremes['max'])
