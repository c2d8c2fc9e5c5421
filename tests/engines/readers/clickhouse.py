"""ClickHouse, as packaged by chdb.

Partition columns have to be declared as text, next to all others: with a null partition its own guess, a date or a number,
is an error. A null partition is the text that Hive has for it, and what is percent-encoded in a folder's name stays so. Lists
are never null, nor are their elements.
"""

import json

import chdb
from chdb import session

from contract import ALLOCATIONS, ELEMENT, LISTS, NULL_PARTITION, RESOURCES, TEXTS
from readers.sql import Opened, SqlReader

NAME = 'ClickHouse'
BLIND = {'null lists', 'null elements'}

TEXT = 'Nullable(String)'
TYPES = {
    'STRING': TEXT,
    'STRING (JSON)': TEXT,
    'BOOLEAN': 'Nullable(Bool)',
    'INT': 'Nullable(Int32)',
    'BIGINT': 'Nullable(Int64)',
    'TIMESTAMP': "Nullable(DateTime64(3, 'UTC'))",
    'DECIMAL(18,6)': 'Nullable(Decimal(18, 6))',
    'BINARY': TEXT,
    RESOURCES: f'Array(Tuple(arn {TEXT}, account_id {TEXT}, type {TEXT}))',
    ALLOCATIONS: 'Array(Tuple(allocated_usage_quantity Nullable(Decimal(18, 6)), '
    f'tags Array(Tuple(key {TEXT}, value {TEXT}))))',
}


def version():
    return chdb.query('select version()', 'TSV').bytes().decode().strip()


class Reader(SqlReader):
    NUMBERS = {
        **dict.fromkeys(TEXTS, 'length({})'),
        **dict.fromkeys(LISTS, 'length({})'),
        'BOOLEAN': 'toInt64({})',
        'INT': '{}',
        'BIGINT': '{}',
        'TIMESTAMP': 'toUnixTimestamp64Milli({})',
        'DECIMAL(18,6)': '{}',
        'BINARY': 'length({})',
    }
    EXTREMES = {**dict.fromkeys(TEXTS, '{}'), 'BINARY': 'hex({})'}
    UNNEST = '(select arrayJoin({list}) as element from {source}) as elements'
    PARTITION = f"nullIf(decodeURLComponent({{column}}), '{NULL_PARTITION}')"
    TIMESTAMP = "parseDateTime64BestEffort('{text}', 3, 'UTC')"

    def __init__(self, s3):
        self.s3 = s3
        self.session = session.Session()

    def select(self, statement, **settings):
        settings = {
            'use_hive_partitioning': 1,
            'session_timezone': "'Asia/Kolkata'",
            # Numbers as text, exact at any size.
            'output_format_json_quote_64bit_integers': 1,
            'output_format_json_quote_decimals': 1,
            **settings,
        }
        listed = ', '.join(f'{name} = {value}' for name, value in settings.items())
        lines = self.session.query(f'{statement} settings {listed}', 'JSONCompactEachRow').bytes().decode()
        return [json.loads(line) for line in lines.splitlines()]

    def location(self, root, below):
        if root.startswith('s3://'):
            url = f"{self.s3['endpoint']}/{root.removeprefix('s3://')}/{below}"
            return f"s3('{url}', '{self.s3['access_key']}', '{self.s3['secret_key']}', 'Parquet'"
        return f"file('{root}/{below}', Parquet"

    def open(self, root, table, columns, partition_columns):
        files = self.location(root, f'{table}/**/*.parquet')
        structure = [f'{name} {TYPES[kind]}' for name, kind in columns.items()]
        structure += [f'{name} String' for name in partition_columns]
        structure = ', '.join(structure).replace("'", "\\'")
        described = self.select(f'describe {files})', use_hive_partitioning=0, print_pretty_type_names=0)
        found = {name: kind for name, kind, *_ in described}
        return Opened(f"{files}, '{structure}')", partition_columns, (columns, found))

    def types(self, opened):
        columns, described = opened.schema
        return {name: columns[name] if TYPES.get(columns.get(name)) == kind else kind for name, kind in described.items()}

    def measures(self, opened, columns):
        found = super().measures(opened, columns)
        for name, kind in columns.items():
            if kind in LISTS or kind == ELEMENT:
                # Nulls count as empty ones, which leaves the sum alone.
                found[name] = [None, found[name][1], None, None]
        return found

    def looked_at(self, file, condition, bloom_filters, page_index):
        """Rows that the condition was worked out for."""
        before = self.filtered_rows()
        self.select(
            f"select max(event_name) from file('{file}', Parquet) where {self.condition(condition)}",
            use_hive_partitioning=0,
            input_format_parquet_bloom_filter_push_down=int(bloom_filters),
            input_format_parquet_page_filter_push_down=int(page_index),
        )
        return self.filtered_rows() - before

    def filtered_rows(self):
        counted = self.select("select sum(value) from system.events where event = 'ParquetRowsFilterExpression'")
        return int(counted[0][0])
