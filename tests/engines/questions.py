"""Asks DuckDB and Spark the seller's questions, in several time zones, and compares with the known answers.

In: a lake, a folder with `athena.sql`, `spark.sql` and `duckdb.sql` (the last with the tables, too), and a JSON file of
answers (described in `tests/it/questions.rs`). Out: exit code 0, or 1 and a line for each difference. Never: writes into the lake.

    python tests/engines/questions.py LAKE SCRIPTS ANSWERS.json [ENGINE]...
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
# Spark is slow; this is the zone that shows most.
SPARK_ZONE = 'America/New_York'
# Views that most others are based on: computed once.
STOOD_ON = ['metering_attempts', 'metering_sign_ups']
TABLES = ['usage_records', 'events']

# What sqlglot cannot express in DuckDB, and its replacement when DuckDB runs Athena's text: the only three phrases of it
# that are parsed and not run verbatim. Athena has a null where DuckDB fails at JSON.
NOT_TRANSLATED = [
    (r'(json_extract_scalar\([^()]*\))', r'TRY(\1)'),
    (r'reduce\((\w+), .* total -> total\)', r'list_sum([x.allocated_usage_quantity FOR x IN \1])'),
    (
        r'UNNEST\((\w+)\) AS element \((\w+), (\w+)\)',
        r'LATERAL (SELECT x.\2, x.\3 FROM (SELECT UNNEST(\1) AS x)) AS element',
    ),
]

# Some of AWS's feeds, all text: an account, a product and a billing event that were corrected, and one that was deleted; a
# customer whom only the feed identifies, twice; a period and an amount that are empty; a second currency.
FEEDS = """
CREATE TEMPORARY VIEW accountfeed_v1 AS SELECT * FROM (VALUES
    ('acc-1', '999999999999', '', '2025-01-01', '2025-01-01', ''),
    ('acc-1', '210000000001', '', '2025-01-01', '2025-01-02', ''),
    ('acc-2', '210000000010', 'cust-b', '2025-01-01', '2025-01-01', ''),
    ('acc-3', '210000000010', 'cust-b', '2025-01-01', '2025-01-01', ''),
    ('acc-9', '210000000009', '', '2025-01-01', '2025-01-01', '')
) AS feed (account_id, aws_account_id, encrypted_account_id, valid_from, update_date, delete_date);
CREATE TEMPORARY VIEW productfeed_v1 AS SELECT * FROM (VALUES
    ('prod-a', 'code-old', '2025-01-01', '2025-01-03', ''),
    ('prod-a', 'code-a', '2025-01-02', '2025-01-02', '')
) AS feed (product_id, product_code, valid_from, update_date, delete_date);
CREATE TEMPORARY VIEW billingeventfeed_v1 AS SELECT * FROM (VALUES
    ('b-1', 'acc-1', 'prod-a', 'INVOICED', 'SELLER_REV_SHARE', 'USD', '99', '2025-11-01T00:00:00Z', '2025-12-02', '2025-12-02', ''),
    ('b-1', 'acc-1', 'prod-a', 'INVOICED', 'SELLER_REV_SHARE', 'USD', '10.25', '2025-11-01T00:00:00Z', '2025-12-02', '2025-12-03', ''),
    ('b-2', 'acc-9', 'prod-a', 'INVOICED', 'SELLER_REV_SHARE', 'USD', '5', '2025-11-01T00:00:00Z', '2025-12-02', '2025-12-02', ''),
    ('b-3', 'acc-1', 'prod-a', 'DISBURSED', 'SELLER_REV_SHARE', 'USD', '7', '2025-11-01T00:00:00Z', '2025-12-02', '2025-12-02', ''),
    ('b-4', 'acc-1', 'prod-a', 'INVOICED', 'AWS_REV_SHARE', 'USD', '-1', '2025-11-01T00:00:00Z', '2025-12-02', '2025-12-02', ''),
    ('b-5', 'acc-1', 'prod-a', 'INVOICED', 'SELLER_REV_SHARE', 'USD', '3', '2025-10-01T00:00:00Z', '2025-11-02', '2025-11-02', ''),
    ('b-7', 'acc-1', 'prod-a', 'INVOICED', 'SELLER_REV_SHARE', 'USD', '2', '', '2025-11-02', '2025-11-02', ''),
    ('b-8', 'acc-2', 'prod-a', 'INVOICED', 'SELLER_REV_SHARE', 'USD', '4', '2025-11-01T00:00:00Z', '2025-12-02', '2025-12-02', ''),
    ('b-9', 'acc-3', 'prod-a', 'INVOICED', 'SELLER_REV_SHARE', 'USD', '', '2025-11-01T00:00:00Z', '2025-12-02', '2025-12-02', ''),
    ('b-10', 'acc-1', 'prod-a', 'INVOICED', 'SELLER_REV_SHARE', 'EUR', '1', '2025-10-01T00:00:00Z', '2025-11-02', '2025-11-02', ''),
    ('b-6', 'acc-9', 'prod-a', 'INVOICED', 'SELLER_REV_SHARE', 'USD', '4', '2025-10-01T00:00:00Z', '2025-11-02', '2025-11-02', '2025-11-03')
) AS feed (billing_event_id, end_user_account_id, product_id, action, transaction_type, currency, amount,
    usage_period_start_date, valid_from, update_date, delete_date);
"""

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
    """The statements of a script, the feeds, and the query over both that is a comment at the script's end."""
    query = [line.removeprefix('--     ') for line in script[script.rindex(';\n'):].splitlines() if line.startswith('--     ')]
    query = 'CREATE TEMPORARY VIEW reconcile_with_billing AS\n' + '\n'.join(query)
    lines = [line for line in (script + FEEDS).splitlines() if not line.startswith('--')]
    return [statement.strip() for statement in '\n'.join(lines).split(';\n') if statement.strip()] + [query]


def duckdb_over(lake, zone):
    database = duckdb.connect()
    database.execute(f"SET TimeZone = '{zone}'")
    for table in TABLES:
        parts = f"read_parquet('{lake}/{table}/**/*.parquet', hive_partitioning = true)"
        database.execute(f'CREATE VIEW {table} AS SELECT * FROM {parts}')
    return database


def check_duckdb(script, answers):
    for zone in ZONES:
        database = duckdb.connect()
        database.execute(f"SET TimeZone = '{zone}'")
        for statement in statements(script):
            database.execute(statement)
        compare(f'duckdb, {zone},', answers, lambda query: database.execute(query).fetchall())
    return columns_of(database)


def columns_of(database):
    query = "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_name LIKE 'metering%'"
    columns = {}
    for view, column, kind in database.execute(query + ' ORDER BY table_name, ordinal_position').fetchall():
        columns.setdefault(view, []).append(column)
        if kind in ('DOUBLE', 'FLOAT', 'HUGEINT', 'TIMESTAMP WITH TIME ZONE'):
            DIFFERENCES.append(f'duckdb {view}.{column} is {kind}')
    return columns


def check_spark(lake, script, answers, columns):
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master('local[1]').config('spark.ui.enabled', 'false')
    builder = builder.config('spark.ui.showConsoleProgress', 'false').config('spark.log.level', 'ERROR')
    # Plans are large and data small: optimisations for large data only take time here.
    builder = builder.config('spark.sql.shuffle.partitions', '1').config('spark.sql.adaptive.enabled', 'false')
    builder = builder.config('spark.sql.codegen.wholeStage', 'false').config('spark.sql.codegen.factoryMode', 'NO_CODEGEN')
    builder = builder.config('spark.driver.extraJavaOptions', '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC')
    spark = builder.config('spark.sql.warehouse.dir', 'warehouse').getOrCreate()
    for table in TABLES:
        spark.sql(f"CREATE TABLE {table} USING PARQUET LOCATION '{lake}/{table}'")
        spark.sql(f'MSCK REPAIR TABLE {table}')
    # A view keeps the zone that it was made in.
    spark.conf.set('spark.sql.session.timeZone', SPARK_ZONE)
    for statement in statements(script):
        spark.sql(statement)
    for view in STOOD_ON:
        spark.sql(f'CACHE TABLE {view}')
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
    """Athena's text, read as Trino's SQL; where DuckDB can express all of it, its answers, too."""
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
        database.execute(sqlglot.transpile(statement, read='trino', write='duckdb')[0])
    compare('athena by duckdb', answers, lambda query: database.execute(query).fetchall())


def main():
    lake, scripts, answers = sys.argv[1], Path(sys.argv[2]), json.loads(Path(sys.argv[3]).read_text())
    wanted = sys.argv[4:] or ['duckdb', 'athena', 'spark']
    script = {engine: (scripts / f'{engine}.sql').read_text() for engine in wanted}
    columns = check_duckdb(script['duckdb'], answers)
    engines = ['duckdb']
    for engine, module, check, what in (
        ('athena', 'sqlglot', lambda: check_athena(lake, script['athena'], answers), "duckdb for athena's text"),
        ('spark', 'pyspark', lambda: check_spark(lake, script['spark'], answers, columns), 'spark'),
    ):
        if engine not in wanted:
            continue
        try:
            __import__(module)
        except ImportError:
            engines.append(f'not {engine} ({module} is not there)')
            continue
        check()
        engines.append(what)
    if DIFFERENCES:
        print('\n'.join(DIFFERENCES))
        sys.exit(1)
    print(f'{len(answers)} questions, {sum(len(answer["rows"]) for answer in answers)} rows by {", ".join(engines)}')


if __name__ == '__main__':
    main()
