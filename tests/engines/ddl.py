"""Runs the statements that `trailmill ddl` has made for some lakes, and compares what engines then find in each table.

In: folders with a lake and `athena.sql`, `spark.sql`, `duckdb.sql`, `clickhouse.sql` for it. Out: exit code 0, or 1 and a
line for each difference. Never: writes to a lake, or knows a column except from the engines: the others have to agree with
pyarrow, which reads the files without any statement.

Athena itself is not available offline. Spark makes its tables with Hive's language, its views are parsed as Trino's, and the
effect of projection is worked out from the properties: which folders the range and the template name.

    python tests/engines/ddl.py FOLDER...
    python tests/engines/ddl.py --only ENGINE FOLDER...   # one of `older/`, which PYTHONPATH puts before the newest

With `--only` the newest of another engine answers the queries beside it, and Athena's statements are left out.
"""

import datetime
import decimal
import json
import re
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds

NULL_PARTITION = '__HIVE_DEFAULT_PARTITION__'
PARTITION_COLUMNS = ['event_date', 'event_month', 'account', 'region', 'event_source']

# The table that AWS documents, in Hive's words: Athena User Guide, "Create a table for CloudTrail logs in Athena".
ISSUER = 'struct<type:string,principalid:string,arn:string,accountid:string,username:string>'
FEDERATION = 'struct<federatedprovider:string,attributes:map<string,string>>'
SESSION = (
    f'struct<attributes:struct<mfaauthenticated:string,creationdate:string>,sessionissuer:{ISSUER},'
    f'ec2roledelivery:string,webidfederationdata:{FEDERATION}>'
)
IDENTITY = (
    'struct<type:string,principalid:string,arn:string,accountid:string,invokedby:string,accesskeyid:string,'
    f'username:string,onbehalfof:struct<userid:string,identitystorearn:string>,sessioncontext:{SESSION}>'
)
RECORDS = {
    'useridentity': IDENTITY,
    'resources': 'array<struct<arn:string,accountid:string,type:string>>',
    'addendum': 'struct<reason:string,updatedfields:string,originalrequestid:string,originaleventid:string>',
    'tlsdetails': 'struct<tlsversion:string,ciphersuite:string,clientprovidedhostheader:string>',
}
CLOUDTRAIL_LOGS = """eventversion useridentity eventtime eventsource eventname awsregion sourceipaddress useragent errorcode
    errormessage requestparameters responseelements additionaleventdata requestid eventid resources eventtype apiversion
    readonly recipientaccountid serviceeventdetails sharedeventid vpcendpointid vpcendpointaccountid eventcategory addendum
    sessioncredentialfromconsole edgedevicedetails tlsdetails region year month day account timestamp""".split()

# Queries as they are published for AWS's table, in words that all engines have.
QUERIES = {
    'by caller': """select useridentity.arn, count(*) from cloudtrail_logs
        where eventsource = 's3.amazonaws.com' group by useridentity.arn""",
    'by issuer and mfa': """select useridentity.sessioncontext.sessionissuer.username,
        useridentity.sessioncontext.attributes.mfaauthenticated, count(*) from cloudtrail_logs group by
        useridentity.sessioncontext.sessionissuer.username, useridentity.sessioncontext.attributes.mfaauthenticated""",
    'errors in a span': """select eventname, errorcode, count(*) from cloudtrail_logs
        where eventtime >= '2025-05-31T00:00:00Z' and eventtime < '2025-06-02T12:00:00Z' and errorcode is not null
        group by eventname, errorcode""",
    'writes': "select eventname, count(*) from cloudtrail_logs where readonly = 'false' group by eventname",
    'one month': "select count(*) from cloudtrail_logs where year = '2025' and month = '06' and region = 'us-east-1'",
    'old tls': "select tlsdetails.tlsversion, count(*) from cloudtrail_logs group by tlsdetails.tlsversion",
    'times': 'select eventtime, day, useridentity.sessioncontext.attributes.creationdate from cloudtrail_logs',
    'without a time': 'select count(*) from cloudtrail_logs where eventtime is null and year is null',
    'parameters': 'select requestparameters, responseelements from cloudtrail_logs',
    'by day': """select year, month, day, region, account, eventname, count(*) from cloudtrail_logs
        where eventsource = 's3.amazonaws.com' group by year, month, day, region, account, eventname""",
    'issued anew': 'select addendum.originaleventid, addendum.reason from cloudtrail_logs where addendum.reason is not null',
}

# Views that most others are based on: computed once where that takes time.
STOOD_ON = ['metering_attempts', 'metering_sign_ups']

DIFFERENCES = []
CHECKED = 0
ANSWERED = set()
VERSIONS = {}


def same(what, expected, found):
    global CHECKED
    CHECKED += 1
    if expected != found:
        DIFFERENCES.append(f'{what}: expected {shown(expected)}, found {shown(found)}')


def shown(value):
    text = repr(value)
    return text if len(text) < 400 else text[:400] + '…'


def statements(path):
    """Statements without comments: only they end a line with a semicolon."""
    text = '\n'.join(line for line in path.read_text().splitlines() if not line.startswith('--'))
    return [statement.strip() for statement in re.split(r';\n', text + '\n') if statement.strip()]


# What pyarrow finds


def tables_of(lake):
    """Every table as pyarrow reads it, with the partition columns as texts, as folders have them."""
    tables = {}
    for folder in sorted(path for path in lake.iterdir() if path.is_dir() and not path.name.startswith('_')):
        files = sorted(folder.rglob('*.parquet'))
        names = [segment.split('=')[0] for segment in files[0].relative_to(folder).parts[:-1]] if files else []
        partitioning = ds.HivePartitioning(pa.schema([(name, pa.string()) for name in names]), null_fallback=NULL_PARTITION)
        tables[folder.name] = ds.dataset(folder, format='parquet', partitioning=partitioning).to_table() if files else None
    return tables


def number(values):
    """One number for a column that changes when a value does, exact."""
    total = 0
    for value in values:
        if isinstance(value, bool):
            total += value
        elif isinstance(value, (str, bytes, list)):
            total += len(value.encode()) if isinstance(value, str) else len(value)
        elif isinstance(value, datetime.datetime):
            if value.tzinfo is None:
                value = value.replace(tzinfo=datetime.timezone.utc)
            total += (value - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) // datetime.timedelta(milliseconds=1)
        elif isinstance(value, datetime.date):
            total += len(value.isoformat())
        elif isinstance(value, decimal.Decimal):
            total += int(value * 1_000_000)
        elif value is not None:
            total += int(value)
    return total


def summary(table):
    """Rows, and for each column the number of values and their sum."""
    columns = {}
    for name in table.column_names:
        values = [value for value in table[name].to_pylist() if value is not None]
        columns[name] = (len(values), number(values))
    return {'rows': table.num_rows, 'columns': columns}


def rows_of(table):
    """Rows in an order that does not depend on the engine."""
    rows = zip(*(table[name].to_pylist() for name in table.column_names))
    return sorted((tuple(row) for row in rows), key=repr)


# Engines: each takes statements and answers queries with Arrow tables


class DuckDb:
    name = 'duckdb'

    def __init__(self, zone='Asia/Tokyo'):
        import duckdb

        self.version = duckdb.__version__
        self.database = duckdb.connect()
        self.database.execute(f"set timezone = '{zone}'")

    def run(self, statement):
        self.database.execute(statement)

    def query(self, query):
        return self.database.sql(query).to_arrow_table()

    def types(self, table):
        return {row[0]: row[1] for row in self.database.execute(f'describe {table}').fetchall()}

    hive = staticmethod(lambda text: duckdb_type(text))


class ClickHouse:
    name = 'clickhouse'

    def __init__(self):
        from chdb.session import Session

        self.folder = tempfile.TemporaryDirectory()
        self.session = Session(self.folder.name)
        self.session.query('create database if not exists lakes')
        self.session.query('use lakes')
        self.version = str(self.session.query('select version()', 'TSV')).strip()

    def run(self, statement):
        self.session.query(statement)

    def query(self, query):
        settings = 'settings output_format_arrow_string_as_string = 1'
        answer = self.session.query(f'{query} {settings}', 'ArrowStream').bytes()
        return pa.ipc.open_stream(answer).read_all()

    def types(self, table):
        described = str(self.session.query(f'describe {table}', 'JSONEachRow'))
        rows = [json.loads(line) for line in described.splitlines()]
        return {row['name']: re.sub(r'\s+', ' ', row['type']).replace('( ', '(') for row in rows}

    hive = staticmethod(lambda text: clickhouse_type(text))


def arrow_of(frame):
    """Spark's result as an Arrow table; before 4.0 it has no public method for it."""
    if hasattr(frame, 'toArrow'):
        return frame.toArrow()
    batches = frame._collect_as_arrow()
    # Without a row there is no batch, and no type of it matters.
    return pa.Table.from_batches(batches) if batches else pa.table({name: [] for name in frame.columns})


class Spark:
    name = 'spark'

    def __init__(self, session):
        self.session = session
        self.version = session.version

    def run(self, statement):
        self.session.sql(statement)

    def query(self, query):
        return arrow_of(self.session.sql(query))

    def types(self, table):
        return {field.name: field.dataType.simpleString() for field in self.session.table(table).schema.fields}

    hive = staticmethod(lambda text: text)


def parsed(text):
    """A type in Hive's words as nested lists: ('struct', [(name, type)]), ('array', type), ('map', …) or a word."""
    text = text.strip()
    for word in ('struct', 'array', 'map'):
        if text.startswith(word + '<'):
            parts, depth, start = [], 0, len(word) + 1
            for at in range(start, len(text)):
                depth += text[at] in '<('
                depth -= text[at] in '>)'
                if (text[at] == ',' and depth == 0) or depth < 0:
                    parts.append(text[start:at])
                    start = at + 1
            if word == 'struct':
                return word, [(part.split(':', 1)[0], parsed(part.split(':', 1)[1])) for part in parts]
            return word, [parsed(part) for part in parts]
    return text


def duckdb_type(text):
    def words(node):
        if isinstance(node, str):
            names = {'string': 'VARCHAR', 'date': 'DATE', 'boolean': 'BOOLEAN', 'int': 'INTEGER', 'bigint': 'BIGINT',
                     'timestamp': 'TIMESTAMP', 'binary': 'BLOB', 'decimal(18,6)': 'DECIMAL(18,6)'}
            return names[node]
        kind, parts = node
        if kind == 'struct':
            quoted = {'type', 'attributes', 'key', 'value'}
            name = lambda it: f'"{it}"' if it in quoted - {'attributes'} else it
            return 'STRUCT(' + ', '.join(f'{name(it)} {words(part)}' for it, part in parts) + ')'
        return f'{words(parts[0])}[]' if kind == 'array' else f'MAP({words(parts[0])}, {words(parts[1])})'

    return words(parsed(text))


def clickhouse_type(text):
    def words(node):
        if isinstance(node, str):
            names = {'string': 'String', 'date': 'Date32', 'boolean': 'Bool', 'int': 'Int32', 'bigint': 'Int64',
                     'timestamp': "DateTime64(3, 'UTC')", 'binary': 'String', 'decimal(18,6)': 'Decimal(18, 6)'}
            return f'Nullable({names[node]})'
        kind, parts = node
        if kind == 'struct':
            return 'Tuple(' + ', '.join(f'{name} {words(part)}' for name, part in parts) + ')'
        return f'Array({words(parts[0])})' if kind == 'array' else 'Map(String, String)'

    return words(parsed(text))


# Comparisons


def hive_types(athena):
    """Columns and types of each table in the statements for Athena, which say them in Hive's words."""
    tables = {}
    for statement in athena:
        made = re.match(r'CREATE EXTERNAL TABLE IF NOT EXISTS (?:`\w+`\.)?`(\w+)` \((.*?)\n\)(.*)', statement, re.S)
        if made:
            columns = dict(re.findall(r'^  `(\w+)` (.*?),?$', made[2], re.M))
            partitions = re.search(r'PARTITIONED BY \((.*)\)', made[3])
            columns.update(re.findall(r'`(\w+)` (\w+)', partitions[1]) if partitions else [])
            tables[made[1]] = columns
    for name in list(tables):
        if name.endswith('_dated'):
            columns = tables.pop(name)
            columns = {column: 'date' if column == 'event_date' else kind for column, kind in columns.items()}
            tables[name.removesuffix('_dated')] = columns
            tables.pop(name.removesuffix('_dated') + '_undated')
    return tables


def check_engine(engine, folder, expected, types):
    for statement in statements(folder / f'{engine.name}.sql') * 2:
        # Twice, since the statements promise that.
        try:
            engine.run(statement)
        except Exception as error:
            DIFFERENCES.append(f'{engine.name} {folder.name}: {statement[:120]}: {str(error)[:600]}')
            return
    for table, columns in types.items():
        found = engine.types(table)
        same(f'{engine.name} {folder.name} {table} types', {name: engine.hive(kind) for name, kind in columns.items()}, found)
        # All of it; and by a condition on a column of the files, which all rows fulfil, next to the columns of the path.
        for condition in ('', " where archive <> ''"):
            check_rows(engine, f'{folder.name} {table}{condition}', f'select * from {table}{condition}', expected.get(table), columns)
    if 'events' in types:
        found = engine.types('cloudtrail_logs')
        hive = {name: RECORDS.get(name, 'string') for name in CLOUDTRAIL_LOGS}
        same(f'{engine.name} {folder.name} cloudtrail_logs types', {name: engine.hive(kind) for name, kind in hive.items()}, found)


def check_rows(engine, name, query, truth, columns):
    try:
        found = summary(engine.query(query))
    except Exception as error:
        DIFFERENCES.append(f'{engine.name} {name}: {str(error)[:600]}')
        return
    truth = summary(truth) if truth is not None else {'rows': 0, 'columns': {name: (0, 0) for name in columns}}
    same(f'{engine.name} {name} rows', truth['rows'], found['rows'])
    for column, values in truth['columns'].items():
        if engine.name == 'clickhouse' and columns[column].startswith('array'):
            # Lists are empty there rather than null.
            values, found['columns'][column] = values[1], found['columns'][column][1]
        same(f'{engine.name} {name}: {column}', values, found['columns'][column])


def check_questions(engines, folder):
    """The views of a seller's questions: as many rows in each engine, and every value of them can be had."""
    script = (folder / 'duckdb.sql').read_text()
    views = re.findall(r'^CREATE OR REPLACE VIEW (metering_\w+) AS$', script, re.M)
    asked = [engine for engine in engines if engine.name != 'clickhouse']
    for view in views:
        answers = {}
        for engine in asked:
            try:
                if engine.name == 'spark' and view in STOOD_ON:
                    engine.run(f'CACHE TABLE {view}')
                answers[engine.name] = engine.query(f'select * from {view}').num_rows
            except Exception as error:
                DIFFERENCES.append(f'{engine.name} {folder.name} {view}: {str(error)[:600]}')
        same(f'{folder.name} {view}', 1, len(set(answers.values())))


def check_queries(engines, folder):
    for name, query in QUERIES.items():
        answers = {}
        for engine in engines:
            try:
                answers[engine.name] = rows_of(engine.query(query))
            except Exception as error:
                DIFFERENCES.append(f'{engine.name} {folder.name} {name}: {str(error)[:600]}')
        truth = answers.get('duckdb')
        ANSWERED.update([name] if truth else [])
        for engine, answer in answers.items():
            same(f'{engine} {folder.name} {name}', truth, answer)


def check_athena(session, folder, expected):
    """Tables are made by Spark, with the location where the lake really is; views have to be Trino's language."""
    import sqlglot

    lake = folder / 'lake'
    for statement in statements(folder / 'athena.sql'):
        local = statement.replace('s3://bucket/lake', str(lake).replace("'", "\\'"))
        try:
            if statement.startswith('CREATE OR REPLACE VIEW'):
                sqlglot.parse_one(statement, dialect='trino')
                sqlglot.parse_one(statement, dialect='athena')
            elif statement.startswith('MSCK') and not any((lake / name).is_dir() for name in re.findall(r'`(\w+)`', statement)):
                # Of a folder that is not there, which S3 has no notion of.
                continue
            else:
                session.sql(local)
        except Exception as error:
            DIFFERENCES.append(f'athena {folder.name}: {statement[:120]}: {str(error)[:600]}')
            return
    properties = {}
    for table, truth in expected.items():
        if truth is None:
            continue
        if table not in ('events', 'usage_records') or not session.catalog.tableExists(f'{table}_dated'):
            found = summary(session.table(table).toArrow())
            same(f'athena {folder.name} {table}', summary(truth), found)
            continue
        shown = session.sql(f'show tblproperties {table}_dated').collect()
        properties = {row['key']: row['value'] for row in shown}
        check_projection(folder, table, properties, truth, session)


def check_projection(folder, table, properties, truth, session):
    same(f'athena {folder.name} {table} is projected', 'true', properties['projection.enabled'])
    column = re.search(r'\$\{(\w+)\}/$', properties['storage.location.template'])[1]
    same(f'athena {folder.name} {table} type', 'date', properties[f'projection.{column}.type'])
    start, end = properties[f'projection.{column}.range'].split(',')
    ahead, unit = re.fullmatch(r'NOW\+(\d+)(DAYS|MONTHS)', end).groups()
    same(f'athena {folder.name} {table} unit', unit, properties[f'projection.{column}.interval.unit'])
    today = datetime.datetime.now(datetime.timezone.utc).date()
    projected, day = [], datetime.date.fromisoformat(start if unit == 'DAYS' else start + '-01')
    last = today + datetime.timedelta(days=int(ahead) * (1 if unit == 'DAYS' else 31))
    while day <= last:
        value = day.isoformat() if unit == 'DAYS' else day.isoformat()[:7]
        if value not in projected[-1:]:
            projected.append(value)
        day += datetime.timedelta(days=1)
    rows = 0
    for value in projected:
        place = properties['storage.location.template'].replace('s3://bucket/lake', str(folder / 'lake'))
        place = Path(place.replace('${' + column + '}', value))
        rows += ds.dataset(place, format='parquet').count_rows() if place.is_dir() else 0
    undated = session.table(f'{table}_undated').count()
    # Everything that is not seen has to be named, by table in the order of the statements.
    text = (folder / 'athena.sql').read_text().split(f'`{table}_dated`')[0].rpartition(';\n')[2]
    named = re.findall(rf'^-- NOT SEEN, .*: {column} (.*)\.$', text, re.M)
    named = named[0].split(', ') if named else []
    unseen = sum(value in named for value in truth[column].to_pylist())
    same(f'athena {folder.name} {table}: dated {rows}, undated {undated} and unseen {unseen} rows', truth.num_rows, rows + undated + unseen)
    same(f'athena {folder.name} {table} undated', truth[column].null_count, undated)


def spark_session(scratch):
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master('local[1]').enableHiveSupport()
    for key, value in {
        'spark.ui.enabled': 'false',
        'spark.ui.showConsoleProgress': 'false',
        'spark.driver.memory': '1g',
        'spark.driver.host': '127.0.0.1',
        'spark.sql.shuffle.partitions': '1',
        # The data is small: optimisations for large data only take time here.
        'spark.sql.adaptive.enabled': 'false',
        'spark.sql.codegen.wholeStage': 'false',
        'spark.sql.codegen.factoryMode': 'NO_CODEGEN',
        # A template of Athena's is no variable of Spark's.
        'spark.sql.variable.substitute': 'false',
        'spark.sql.session.timeZone': 'Asia/Tokyo',
        'spark.sql.warehouse.dir': f'{scratch}/warehouse',
        'spark.hadoop.javax.jdo.option.ConnectionURL': 'jdbc:derby:memory:ddl;create=true',
        'spark.driver.extraJavaOptions': f'-Dderby.system.home={scratch} -XX:TieredStopAtLevel=1 -XX:+UseSerialGC',
    }.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    # SPARK-52240: what the statements say about these releases.
    version = tuple(int(part) for part in session.version.split('.')[:3])
    if version < (3, 5, 7) or version == (4, 0, 0):
        session.conf.set('spark.sql.parquet.enableVectorizedReader', 'false')
    session.sparkContext.setLogLevel('OFF')
    return session


def check_folder(at, folder, engines, athena):
    expected = tables_of(folder / 'lake')
    types = hive_types(statements(folder / 'athena.sql'))
    if athena:
        athena.sql(f'create database athena{at}')
        athena.sql(f'use athena{at}')
        check_athena(athena, folder, expected)
    for engine in engines:
        if engine.name == 'spark':
            engine.run(f'create database spark{at}')
            engine.run(f'use spark{at}')
        VERSIONS[engine.name] = engine.version
        check_claim(engine, folder)
        check_engine(engine, folder, expected, types)
    if 'events' in types:
        check_queries(engines, folder)
    check_questions(engines, folder)


def check_claim(engine, folder):
    """Checks the claim of a script about the releases that it runs on against this engine."""
    claim = re.search(r'(\d+)\.(\d+) or later', (folder / f'{engine.name}.sql').read_text())
    version = re.match(r'(\d+)\.(\d+)', engine.version)
    same(f'{engine.name} {engine.version} is {claim[0]}', True, [*map(int, version.groups())] >= [*map(int, claim.groups())])


def main():
    arguments = sys.argv[1:]
    only = arguments[1] if arguments[0] == '--only' else None
    # Hive takes a path that is not absolute for one below its own warehouse.
    folders = [Path(name).resolve() for name in arguments[2 if only else 0:]]
    wanted = {only, 'clickhouse' if only == 'duckdb' else 'duckdb'} if only else {'duckdb', 'clickhouse', 'spark', 'athena'}
    with tempfile.TemporaryDirectory() as scratch:
        session = spark_session(scratch) if 'spark' in wanted else None
        clickhouse = ClickHouse() if 'clickhouse' in wanted else None
        for at, folder in enumerate(folders):
            engines = [DuckDb()] if 'duckdb' in wanted else []
            engines += [clickhouse] if clickhouse else []
            engines += [Spark(session)] if session else []
            check_folder(at, folder, engines, session if 'athena' in wanted else None)
        if session:
            session.stop()
    if not only:
        same('queries that some lake answers', set(), set(QUERIES) - ANSWERED)
    for difference in DIFFERENCES:
        print(difference)
    versions = ', '.join(f'{name} {version}' for name, version in VERSIONS.items())
    athena = '' if only else ', and Athena as far as it goes'
    print(f'{len(folders)} lakes, {versions}{athena}: {CHECKED} comparisons, {len(DIFFERENCES)} differences')
    return 1 if DIFFERENCES else 0


if __name__ == '__main__':
    sys.exit(main())
