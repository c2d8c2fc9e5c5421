"""DuckDB.

Partition columns are declared as text (`hive_types`): by itself it makes dates of days and numbers of accounts, and a number
loses its leading zero. Reads S3 with its extension httpfs, which has to come in a package for exactly this release.
"""

import json
import pathlib

import duckdb

from contract import ALLOCATIONS, LISTS, RESOURCES, TEXTS
from readers.sql import Opened, SqlReader

NAME = 'DuckDB'
# Before 2.0 it does not report what it reads of a file; since then httpfs is not available as a package.
TELLS_READS = duckdb.__version__ >= '2'
BLIND = {'S3'} if TELLS_READS else {'bloom filters', 'page index'}

TYPES = {
    'STRING': 'VARCHAR',
    'STRING (JSON)': 'VARCHAR',
    'BOOLEAN': 'BOOLEAN',
    'INT': 'INTEGER',
    'BIGINT': 'BIGINT',
    'TIMESTAMP': 'TIMESTAMP WITH TIME ZONE',
    'DECIMAL(18,6)': 'DECIMAL(18,6)',
    'BINARY': 'BLOB',
    RESOURCES: 'STRUCT(arn VARCHAR, account_id VARCHAR, "type" VARCHAR)[]',
    ALLOCATIONS: 'STRUCT(allocated_usage_quantity DECIMAL(18,6), tags STRUCT("key" VARCHAR, "value" VARCHAR)[])[]',
}


def version():
    return duckdb.__version__


class Reader(SqlReader):
    NUMBERS = {
        **dict.fromkeys(TEXTS, 'strlen({})'),
        **dict.fromkeys(LISTS, 'len({})'),
        'BOOLEAN': '{}::int',
        'INT': '{}',
        'BIGINT': '{}',
        'TIMESTAMP': 'epoch_ms({})',
        'DECIMAL(18,6)': '{}',
        'BINARY': 'octet_length({})',
    }
    EXTREMES = {**dict.fromkeys(TEXTS, '{}'), 'BINARY': 'hex({})'}
    TIMESTAMP = "timestamptz '{text}'"

    def __init__(self, s3):
        self.database = duckdb.connect()
        # Far from UTC: an instant is the same everywhere.
        self.database.execute("set timezone = 'Asia/Kolkata'")
        if s3 is not None:
            import duckdb_extension_httpfs

            folder = pathlib.Path(duckdb_extension_httpfs.__file__).parent
            (extension,) = folder.rglob('httpfs.duckdb_extension')
            self.database.execute(f"load '{extension}'")
            endpoint = s3['endpoint'].removeprefix('http://')
            self.database.execute(f"""create secret (type s3, key_id '{s3['access_key']}', secret '{s3['secret_key']}',
                region '{s3['region']}', endpoint '{endpoint}', use_ssl false, url_style 'path')""")

    def select(self, statement):
        return self.database.execute(statement).fetchall()

    def open(self, root, table, columns, partition_columns):
        types = ', '.join(f"'{column}': varchar" for column in partition_columns)
        hive = f'hive_partitioning = true, hive_types = {{{types}}}' if types else 'hive_partitioning = false'
        source = f"read_parquet('{root}/{table}/**/*.parquet', {hive})"
        described = {name: kind for name, kind, *_ in self.select(f'describe select * from {source}')}
        return Opened(source, partition_columns, (columns, described))

    def types(self, opened):
        columns, described = opened.schema
        found = {name: kind for name, kind in described.items() if name not in opened.partition_columns}
        return {name: columns[name] if TYPES.get(columns.get(name)) == kind else kind for name, kind in found.items()}

    def indexes(self, file):
        statement = f"""select distinct path_in_schema from parquet_metadata('{file}')
            where bloom_filter_offset is not null"""
        # A filter that lets every unknown id pass is useless.
        strangers = [f'no such event {at}' for at in range(50)]
        probe = 'select count(*) filter (not bloom_filter_excludes), count(*) from parquet_bloom_probe(?, ?, ?)'
        answers = [self.database.execute(probe, [file, 'event_id', stranger]).fetchone() for stranger in strangers]
        return {
            'bloom_filters': sorted(column for (column,) in self.select(statement)),
            'strangers': [sum(passed for passed, _ in answers), sum(probed for _, probed in answers)],
        }

    def looked_at(self, file, condition, bloom_filters, page_index):
        """Bytes for the page index. Row groups for bloom filters: they cannot be turned off, so all that there are stand for
        reading without."""
        if not TELLS_READS:
            return None
        self.database.execute(f'set parquet_use_page_index = {page_index}')
        statement = f"select max(event_name) from read_parquet('{file}') where {self.condition(condition)}"
        profile = json.loads(self.select(f'explain (analyze, format json) {statement}')[0][1])
        if condition[0] == 'event_time':
            return profile['io']['total_bytes_read']
        return scan_of(profile)['row_groups_scanned' if bloom_filters else 'total_row_groups_to_scan']


def scan_of(node):
    """The part of a profile about the files."""
    if isinstance(node, dict) and 'row_groups_scanned' in node:
        return node
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return next((found for found in map(scan_of, children) if found), None)
