"""Polars.

Partition columns are declared as text (`hive_schema`): by itself it makes dates of days and numbers of accounts, and a number
loses its leading zero. It skips row groups by their statistics, and uses neither bloom filters nor the page index.
"""

import polars as pl

from contract import ALLOCATIONS, ELEMENT, LISTS, RESOURCES, TEXTS, measure, nested, partition, quantity

NAME = 'Polars'
BLIND = {'bloom filters', 'page index'}

TYPES = {
    'STRING': pl.String,
    'STRING (JSON)': pl.String,
    'BOOLEAN': pl.Boolean,
    'INT': pl.Int32,
    'BIGINT': pl.Int64,
    'TIMESTAMP': pl.Datetime('ms', 'UTC'),
    'DECIMAL(18,6)': pl.Decimal(18, 6),
    'BINARY': pl.Binary,
    RESOURCES: pl.List(pl.Struct({'arn': pl.String, 'account_id': pl.String, 'type': pl.String})),
    ALLOCATIONS: pl.List(
        pl.Struct({
            'allocated_usage_quantity': pl.Decimal(18, 6),
            'tags': pl.List(pl.Struct({'key': pl.String, 'value': pl.String})),
        })
    ),
}


def version():
    return pl.__version__


class Reader:
    def __init__(self, s3):
        self.storage_options = s3 and {
            'aws_endpoint_url': s3['endpoint'],
            'aws_access_key_id': s3['access_key'],
            'aws_secret_access_key': s3['secret_key'],
            'aws_region': s3['region'],
            'aws_allow_http': 'true',
        }

    def open(self, root, table, columns, partition_columns):
        rows = pl.scan_parquet(
            f'{root}/{table}/**/*.parquet',
            hive_partitioning=bool(partition_columns),
            hive_schema={column: pl.String for column in partition_columns} or None,
            storage_options=self.storage_options if root.startswith('s3://') else None,
        )
        return columns, partition_columns, rows, rows.collect_schema()

    def types(self, opened):
        columns, partition_columns, _, found = opened
        return {
            name: columns[name] if name in columns and TYPES[columns[name]] == kind else str(kind)
            for name, kind in found.items()
            if name not in partition_columns
        }

    def rows(self, opened):
        return opened[2].select(pl.len()).collect().item()

    def measures(self, opened, columns):
        levels = {}
        for path, kind in columns.items():
            lists, leaf = nested(path)
            levels.setdefault(tuple(lists), {})[path] = (leaf, kind)
        found = {}
        for lists, leaves in levels.items():
            rows = opened[2]
            for depth, name in enumerate(lists):
                column = pl.col('element').struct.field(name) if depth else pl.col(name)
                # An empty list explodes to a row, which is no element.
                rows = rows.select(element=column).filter(pl.col('element').list.len() > 0).explode('element')
            expressions = []
            for path, (leaf, kind) in leaves.items():
                element = pl.col('element').struct.field(leaf) if leaf else pl.col('element')
                expressions += measured(path, kind, element if lists else pl.col(leaf))
            row = rows.select(expressions).collect().row(0, named=True)
            for path, (_, kind) in leaves.items():
                found[path] = measure(kind, *(row[f'{path} {what}'] for what in ('values', 'sum', 'least', 'greatest')))
        return found

    def partitions(self, opened):
        columns, time = opened[1], pl.col('event_time').dt.epoch('ms')
        wanted = {'rows': pl.len(), 'least': time.min(), 'greatest': time.max()}
        grouped = opened[2].group_by(columns).agg(**wanted)
        found = {}
        for *values, rows, least, greatest in grouped.collect().rows():
            found[partition(values)] = [rows, *(None if time is None else str(time) for time in (least, greatest))]
        return found

    def outcomes(self, opened):
        grouped = opened[2].group_by('outcome').agg(pl.len(), pl.col('quantity').sum().alias('quantity'))
        return {outcome: [rows, quantity(total)] for outcome, rows, total in grouped.collect().rows()}

    def event_times(self, opened, event_ids):
        found = {}
        for event_id in event_ids:
            rows = opened[2].filter(pl.col('event_id') == event_id).select(pl.col('event_time').dt.epoch('ms')).collect()
            found[event_id] = [str(time) for (time,) in rows.rows()]
        return found

    def indexes(self, file):
        return {}

    def looked_at(self, file, condition, bloom_filters, page_index):
        return None


def measured(path, kind, values):
    """The four values of a column; sums of narrow integers would overflow."""
    if kind == ELEMENT:
        named = {'values': values.count(), 'sum': pl.lit(0), 'least': pl.lit(None), 'greatest': pl.lit(None)}
    else:
        number = ordered = values
        if kind in TEXTS:
            number = values.str.len_bytes().cast(pl.Int64)
        elif kind == 'BINARY':
            number, ordered = values.bin.size().cast(pl.Int64), values.bin.encode('hex')
        elif kind in LISTS:
            number = ordered = values.list.len().cast(pl.Int64)
        elif kind == 'TIMESTAMP':
            number = ordered = values.dt.epoch('ms')
        elif kind in ('INT', 'BOOLEAN'):
            number = values.cast(pl.Int64)
        named = {'values': values.count(), 'sum': number.sum(), 'least': ordered.min(), 'greatest': ordered.max()}
    return [value.alias(f'{path} {what}') for what, value in named.items()]
