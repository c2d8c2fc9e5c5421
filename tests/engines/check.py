"""Reads a lake with DuckDB and with pyarrow, and compares what they find with what the Rust test expects.

In: the lake, and a JSON file of expectations (`tests/it/engines.rs` says what is in it). Out: exit code 0, or 1 and a line
for each difference. Never: writes, or knows anything about trailmill but the types of its contract.

    python tests/engines/check.py LAKE EXPECTATIONS.json
"""

import json
import sys
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

RESOURCES = 'LIST<STRUCT<arn, account_id, type>>'
ALLOCATIONS = 'LIST<STRUCT<allocated_usage_quantity, tags LIST<STRUCT<key, value>>>>'

DUCKDB_TYPES = {
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

TAGS = pa.list_(pa.field('element', pa.struct([('key', pa.string()), ('value', pa.string())])))
ARROW_TYPES = {
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
        pa.field('element', pa.struct([('allocated_usage_quantity', pa.decimal128(18, 6)), ('tags', TAGS)]))
    ),
}

# One number for a column, exact, that changes when a value does: bytes, milliseconds, millionths, elements.
DUCKDB_SUMS = {
    'STRING': 'sum(strlen({}))',
    'STRING (JSON)': 'sum(strlen({}))',
    'BOOLEAN': 'count(*) filter ({})',
    'INT': 'sum({}::hugeint)',
    'BIGINT': 'sum({}::hugeint)',
    'TIMESTAMP': 'sum(epoch_ms({})::hugeint)',
    'DECIMAL(18,6)': '(sum({}) * 1000000)::hugeint',
    'BINARY': 'sum(octet_length({}))',
    RESOURCES: 'sum(len({}))',
    ALLOCATIONS: 'sum(len({}))',
}

DIFFERENCES = []


def same(what, expected, found):
    if expected != found:
        DIFFERENCES.append(f'{what}: expected {expected!r}, found {found!r}')


def arrow_sum(kind, column):
    """The same number as `DUCKDB_SUMS`, worked out by pyarrow and Python integers."""
    if kind in ('STRING', 'STRING (JSON)', 'BINARY'):
        return pc.sum(pc.binary_length(column)).as_py() or 0
    if kind == 'BOOLEAN':
        return pc.sum(column).as_py() or 0
    if kind == 'TIMESTAMP':
        column = column.cast(pa.int64())
    if kind in (RESOURCES, ALLOCATIONS):
        return pc.sum(pc.list_value_length(column)).as_py() or 0
    values = (value for value in column.to_pylist() if value is not None)
    if kind == 'DECIMAL(18,6)':
        return sum(int(value * 1_000_000) for value in values)
    return sum(values)


def check_duckdb(lake, expectations):
    database = duckdb.connect()
    database.execute("set timezone = 'UTC'")
    for table, expected in expectations['tables'].items():
        database.execute(f"create view {table} as select * from read_parquet('{lake}/{table}/**/*.parquet')")
        described = {row[0]: row[1] for row in database.execute(f'describe {table}').fetchall()}
        for name, column in expected['columns'].items():
            same(f'duckdb {table}.{name} type', DUCKDB_TYPES[column['type']], described.pop(name, None))
        same(f'duckdb {table} columns of the path', expected['partition_columns'], sorted(described))
        same(f'duckdb {table} rows', expected['rows'], database.execute(f'select count(*) from {table}').fetchone()[0])
        names = list(expected['columns'])
        counts = ', '.join(f'count("{name}")' for name in names)
        sums = ', '.join(DUCKDB_SUMS[expected['columns'][name]['type']].format(f'"{name}"') for name in names)
        values = database.execute(f'select {counts}, {sums} from {table}').fetchone()
        for at, name in enumerate(names):
            column = expected['columns'][name]
            same(f'duckdb {table}.{name} values', column['values'], values[at])
            same(f'duckdb {table}.{name} sum', int(column['sum']), int(values[len(names) + at] or 0))
    check_queries(database, expectations)
    check_filters(database, lake, expectations)


def check_queries(database, expectations):
    query = 'select outcome, count(*), coalesce(sum(quantity), 0)::varchar from usage_records group by 1'
    found = {outcome: [rows, quantity] for outcome, rows, quantity in database.execute(query).fetchall()}
    # DuckDB prints a plain zero without its six places.
    found = {outcome: [rows, str(Decimal(quantity).quantize(Decimal('0.000001')))] for outcome, (rows, quantity) in found.items()}
    same('duckdb outcomes', expectations['outcomes'], found)
    query = "select coalesce(event_date::varchar, 'null'), count(*) from events group by 1"
    same('duckdb events by day', expectations['events_by_day'], dict(database.execute(query).fetchall()))
    query = 'select count(*) from events where event_date is null and event_time is not null'
    same('duckdb events with a time in the null partition', 0, database.execute(query).fetchone()[0])
    query = "select count(*) from events where event_date <> (event_time at time zone 'UTC')::date"
    same('duckdb events of another day', 0, database.execute(query).fetchone()[0])
    tags = 'select unnest(usage_allocations) as a from usage_records'
    query = f"""select count(*), coalesce(sum(a.allocated_usage_quantity), 0)::varchar,
        coalesce(sum(len(a.tags)), 0)::bigint, count(*) filter (a is null) from ({tags})"""
    count, quantity, tag_count, nulls = database.execute(query).fetchone()
    found = [count, str(Decimal(quantity).quantize(Decimal('0.000001'))), tag_count, nulls]
    same('duckdb allocations', expectations['allocations'], found)
    query = "select string_agg(t.key || '=' || t.value, ',' order by t.key, t.value) from" \
        f' (select unnest(a.tags) as t from ({tags}))'
    same('duckdb tags', expectations['tags'], database.execute(query).fetchone()[0])
    query = 'select string_agg(r.arn, \',\' order by r.arn) from (select unnest(resources) as r from events)'
    same('duckdb resources', expectations['resources'], database.execute(query).fetchone()[0])
    for event_id in expectations['event_ids']:
        found = database.execute('select count(*) from events where event_id = ?', [event_id]).fetchone()[0]
        same(f'duckdb events with id {event_id}', 1, found)
    for name, text in expectations['timestamps'].items():
        query = "select strftime(event_time at time zone 'UTC', '%Y-%m-%dT%H:%M:%S.%g') from events where event_id = ?"
        same(f'duckdb time of {name}', [(text,)], database.execute(query, [name]).fetchall())


def check_filters(database, lake, expectations):
    for table in expectations['tables']:
        query = f"""select distinct path_in_schema from parquet_metadata('{lake}/{table}/**/*.parquet')
            where bloom_filter_offset is not null"""
        found = sorted(name for (name,) in database.execute(query).fetchall())
        same(f'duckdb bloom filters of {table}', expectations['bloom_filters'][table], found)
    # A filter may say yes to a stranger, but never no to a value that is there.
    probe = "select count(*) filter (not bloom_filter_excludes), count(*) from parquet_bloom_probe(?, ?, ?)"
    files = f'{lake}/events/**/*.parquet'
    for event_id in expectations['event_ids']:
        kept, _ = database.execute(probe, [files, 'event_id', event_id]).fetchone()
        same(f'duckdb files that may hold {event_id}, at least one', True, kept >= 1)
    strangers = [database.execute(probe, [files, 'event_id', f'no such event {at}']).fetchone() for at in range(50)]
    kept, probed = sum(kept for kept, _ in strangers), sum(probed for _, probed in strangers)
    same(f'duckdb filters pass few strangers ({kept} of {probed})', True, kept * 10 < probed)


def check_pyarrow(lake, expectations):
    for table, expected in expectations['tables'].items():
        schema = pa.schema([pa.field(name, ARROW_TYPES[column['type']]) for name, column in expected['columns'].items()])
        files = sorted((lake / table).rglob('*.parquet'))
        same(f'pyarrow {table} has files', True, bool(files))
        for path in files:
            found = pq.ParquetFile(path).schema_arrow
            if not found.equals(schema, check_metadata=False):
                differing = [str(field) for field in found if field not in schema]
                DIFFERENCES.append(f'pyarrow {path}: {differing or found.names}')
        partitions = [(name, pa.string()) for name in expected['partition_columns']]
        partitioning = ds.HivePartitioning(pa.schema(partitions), null_fallback='__HIVE_DEFAULT_PARTITION__')
        rows = ds.dataset(lake / table, format='parquet', partitioning=partitioning).to_table()
        rows.validate(full=True)
        same(f'pyarrow {table} rows', expected['rows'], rows.num_rows)
        for name, column in expected['columns'].items():
            values = rows[name]
            same(f'pyarrow {table}.{name} values', column['values'], len(values) - values.null_count)
            same(f'pyarrow {table}.{name} sum', int(column['sum']), int(arrow_sum(column['type'], values)))
        if table == 'events':
            days = pc.value_counts(rows['event_date']).to_pylist()
            found = {'null' if day['values'] is None else day['values']: day['counts'] for day in days}
            same('pyarrow events by day', expectations['events_by_day'], found)


def main():
    lake, expectations = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())
    for table in expectations['tables'].values():
        # A list there, for the order of the columns in the files.
        table['columns'] = {column['name']: column for column in table['columns']}
    check_duckdb(lake, expectations)
    check_pyarrow(lake, expectations)
    for difference in DIFFERENCES:
        print(difference)
    columns = sum(len(table['columns']) for table in expectations['tables'].values())
    print(f'DuckDB {duckdb.__version__}, pyarrow {pa.__version__}: {columns} columns, {len(DIFFERENCES)} differences')
    return 1 if DIFFERENCES else 0


if __name__ == '__main__':
    sys.exit(main())
