"""Asks DuckDB and Spark the seller's questions, whatever the time zone, and compares with what is known.

In: a lake, a folder with `athena.sql`, `spark.sql` and `duckdb.sql`, and a JSON file of answers (`tests/it/questions.rs`
says what is in it). Out: exit code 0, or 1 and a line for each difference. Never: writes into the lake.

    python tests/engines/questions.py LAKE SCRIPTS ANSWERS.json
"""

import datetime
import json
import re
import sys
from decimal import Decimal
from pathlib import Path

import duckdb

# Zones behind UTC, ahead of it by half hours, and with hours that come twice.
ZONES = ['UTC', 'America/New_York', 'Asia/Kolkata']
# Spark takes its time; this is the zone that shows most.
SPARK_ZONE = 'America/New_York'
TABLES = ['usage_records', 'events']

# What sqlglot has no words for in DuckDB, and what stands for it when DuckDB runs Athena's text: the only two phrases of it
# that are parsed and not run.
NOT_TRANSLATED = [
    (r'reduce\((\w+), .* total -> total\)', r'list_sum([x.allocated_usage_quantity FOR x IN \1])'),
    (r'UNNEST\((\w+)\) AS element \((\w+), (\w+)\)', r'LATERAL (SELECT x.\2, x.\3 FROM (SELECT UNNEST(\1) AS x)) AS element'),
]

DIFFERENCES = []


def told(value):
    """A value as the answers write it."""
    if value is None:
        return '-'
    if isinstance(value, bool):
        return 'yes' if value else 'no'
    if isinstance(value, Decimal):
        return format(value.normalize(), 'f') if value else '0'
    if isinstance(value, datetime.datetime):
        return value.strftime('%m-%d %H:%M:%S' if value.second else '%m-%d %H:%M')
    if isinstance(value, float):
        return f'float {value}'
    return str(value)


def compare(engine, answers, fetch):
    for answer in answers:
        view, columns = answer['view'], answer['columns']
        try:
            found = fetch(f'SELECT {", ".join(columns)} FROM {view}')
        except Exception as error:
            DIFFERENCES.append(f'{engine} {view}: {error}')
            continue
        found = sorted([told(value) for value in row] for row in found)
        expected = sorted(answer['rows'])
        for row in expected:
            if row in found:
                found.remove(row)
            else:
                DIFFERENCES.append(f'{engine} {view}: missing {" | ".join(row)}')
        DIFFERENCES.extend(f'{engine} {view}: unexpected {" | ".join(row)}' for row in found)


def statements(script):
    """The statements of a script: its lines without comments, cut after each semicolon at an end of line."""
    lines = [line for line in script.splitlines() if not line.startswith('--')]
    return [statement.strip() for statement in '\n'.join(lines).split(';\n') if statement.strip()]


def duckdb_over(lake, zone):
    database = duckdb.connect()
    database.execute(f"SET TimeZone = '{zone}'")
    for table in TABLES:
        parts = f"read_parquet('{lake}/{table}/**/*.parquet', hive_partitioning = true)"
        database.execute(f'CREATE VIEW {table} AS SELECT * FROM {parts}')
    return database


def check_duckdb(lake, script, answers):
    for zone in ZONES:
        database = duckdb_over(lake, zone)
        for statement in statements(script):
            database.execute(statement)
        compare(f'duckdb, {zone},', answers, lambda query: database.execute(query).fetchall())
    return columns_of(database)


def columns_of(database):
    query = "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_name LIKE 'metering%'"
    columns = {}
    for view, column, kind in database.execute(query + ' ORDER BY table_name, ordinal_position').fetchall():
        columns.setdefault(view, []).append(column)
        if kind in ('DOUBLE', 'FLOAT', 'HUGEINT') or (kind == 'TIMESTAMP WITH TIME ZONE' and view != 'metering_record'):
            DIFFERENCES.append(f'duckdb {view}.{column} is {kind}')
    return columns


def check_spark(lake, script, answers, columns):
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master('local[2]').config('spark.ui.enabled', 'false')
    builder = builder.config('spark.ui.showConsoleProgress', 'false').config('spark.log.level', 'ERROR')
    # Plans are large and data small: what is worth while for large data only takes time here.
    builder = builder.config('spark.sql.shuffle.partitions', '1').config('spark.sql.adaptive.enabled', 'false')
    builder = builder.config('spark.sql.codegen.wholeStage', 'false')
    spark = builder.config('spark.sql.warehouse.dir', 'warehouse').getOrCreate()
    for table in TABLES:
        spark.sql(f"CREATE TABLE {table} USING PARQUET LOCATION '{lake}/{table}'")
        spark.sql(f'MSCK REPAIR TABLE {table}')
    # A view keeps the zone that it was made in.
    spark.conf.set('spark.sql.session.timeZone', SPARK_ZONE)
    for statement in statements(script):
        spark.sql(statement)
    compare(f'spark, {SPARK_ZONE},', answers, lambda query: spark.sql(query).collect())
    for view, names in columns.items():
        fields = spark.table(view).schema.fields
        if [field.name for field in fields] != names:
            DIFFERENCES.append(f'spark {view} has other columns: {[field.name for field in fields]}')
        for field in fields:
            if field.dataType.simpleString() in ('double', 'float'):
                DIFFERENCES.append(f'spark {view}.{field.name} is {field.dataType.simpleString()}')
    spark.stop()


def check_athena(lake, script, answers):
    """Athena's text, read as Trino's SQL; where DuckDB has words for all of it, its answers, too."""
    import sqlglot

    database = duckdb_over(lake, 'UTC')
    for table in TABLES:
        # Athena reads these timestamps as UTC clock times.
        times = database.execute(f'DESCRIBE {table}').fetchall()
        times = [name for name, kind, *_ in times if kind == 'TIMESTAMP WITH TIME ZONE']
        replaced = ', '.join(f"{name} AT TIME ZONE 'UTC' AS {name}" for name in times)
        query = database.execute(f"SELECT sql FROM duckdb_views() WHERE view_name = '{table}'").fetchone()[0]
        query = query[query.index('SELECT *') + len('SELECT *'):].rstrip(';')
        database.execute(f'CREATE OR REPLACE VIEW {table} AS SELECT * REPLACE ({replaced}) {query}')
    for statement in statements(script):
        for dialect in ('athena', 'trino'):
            sqlglot.parse_one(statement, read=dialect)
        for phrase, words in NOT_TRANSLATED:
            statement = re.sub(phrase, words, statement)
        # DuckDB's own words are kept as they are by its own dialect only.
        try:
            translated = sqlglot.transpile(statement, read='trino', write='duckdb')[0]
        except sqlglot.errors.SqlglotError as error:
            DIFFERENCES.append(f'athena: {error}: {statement[:60]}')
            continue
        database.execute(translated)
    compare('athena by duckdb', answers, lambda query: database.execute(query).fetchall())


def main():
    lake, scripts, answers = sys.argv[1], Path(sys.argv[2]), json.loads(Path(sys.argv[3]).read_text())
    engines = ['duckdb']
    script = {engine: (scripts / f'{engine}.sql').read_text() for engine in ('athena', 'spark', 'duckdb')}
    columns = check_duckdb(lake, script['duckdb'], answers)
    for engine, module, check in (
        ('athena (parsed)', 'sqlglot', lambda: check_athena(lake, script['athena'], answers)),
        ('spark', 'pyspark', lambda: check_spark(lake, script['spark'], answers, columns)),
    ):
        try:
            __import__(module)
        except ImportError:
            engines.append(f'no {engine}: {module} is not there')
            continue
        check()
        engines.append(engine)
    if DIFFERENCES:
        print('\n'.join(DIFFERENCES))
        sys.exit(1)
    print(f'{len(answers)} views, {sum(len(answer["rows"]) for answer in answers)} rows by {", ".join(engines)}')


if __name__ == '__main__':
    main()
