"""DataFusion.

Partition columns are declared, as text; a null partition is the text that Hive has for it.
"""

import re

import datafusion
import pyarrow as pa
from datafusion.object_store import AmazonS3

from contract import LISTS, NULL_PARTITION, TEXTS
from readers import pyarrow as arrow
from readers.sql import Opened, SqlReader

NAME = 'DataFusion'
BLIND = set()


def version():
    return datafusion.__version__


class Reader(SqlReader):
    NUMBERS = {
        **dict.fromkeys(TEXTS, 'octet_length({})'),
        **dict.fromkeys(LISTS, 'cardinality({})'),
        'BOOLEAN': '{}::int',
        'INT': '{}::bigint',
        'BIGINT': '{}',
        'TIMESTAMP': '{}::bigint',
        'DECIMAL(18,6)': '{}',
        'BINARY': "octet_length(encode({}, 'hex')) / 2",
    }
    EXTREMES = {**dict.fromkeys(TEXTS, '{}'), 'BINARY': "encode({}, 'hex')"}
    MEMBER = "element['{name}']"
    PARTITION = f"nullif({{column}}, '{NULL_PARTITION}')"
    TIMESTAMP = "timestamp '{text}'"

    def __init__(self, s3):
        self.s3 = s3
        self.context = self.connected({})
        self.tables = 0

    def connected(self, settings):
        config = datafusion.SessionConfig().set('datafusion.execution.time_zone', 'Asia/Kolkata')
        for name, value in settings.items():
            config = config.set(name, value)
        context = datafusion.SessionContext(config)
        if self.s3 is not None:
            store = AmazonS3(
                self.s3['bucket'],
                region=self.s3['region'],
                access_key_id=self.s3['access_key'],
                secret_access_key=self.s3['secret_key'],
                endpoint=self.s3['endpoint'],
                allow_http=True,
            )
            context.register_object_store('s3://', store, None)
        return context

    def select(self, statement):
        return [tuple(row.values()) for row in self.context.sql(statement).to_pylist()]

    def open(self, root, table, columns, partition_columns):
        self.tables += 1
        name = f'table_{self.tables}'
        partitions = [(column, pa.string()) for column in partition_columns]
        self.context.register_listing_table(
            name, f'{root}/{table}/', table_partition_cols=partitions, file_extension='.parquet'
        )
        schema = self.context.table(name).schema()
        if not set(schema.names) - set(partition_columns):
            raise FileNotFoundError(f'{root}/{table} has no files')
        return Opened(name, partition_columns, (columns, schema))

    def types(self, opened):
        columns, schema = opened.schema
        return {
            field.name: columns[field.name] if is_type(columns.get(field.name), field.type) else str(field.type)
            for field in schema
            if field.name not in opened.partition_columns
        }

    def looked_at(self, file, condition, bloom_filters, page_index):
        """Rows that come out of the files, before they are filtered."""
        context = self.connected({
            'datafusion.execution.parquet.bloom_filter_on_read': str(bloom_filters).lower(),
            'datafusion.execution.parquet.enable_page_index': str(page_index).lower(),
        })
        context.register_parquet('file', file)
        statement = f'explain analyze select max(event_name) from file where {self.condition(condition)}'
        plan = '\n'.join(row['plan'] for row in context.sql(statement).to_pylist())
        scan = next(line for line in plan.splitlines() if 'DataSourceExec' in line)
        value, unit = re.search(r'output_rows=([\d.]+)( [KMB])?', scan).groups()
        return float(value) * {None: 1, ' K': 1e3, ' M': 1e6, ' B': 1e9}[unit]


def is_type(kind, found):
    """Text and bytes may be what Arrow calls views."""
    views = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}
    return arrow.TYPES.get(kind) == views.get(found, found)
