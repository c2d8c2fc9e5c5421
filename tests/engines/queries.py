"""Runs the queries of `queries/`, which are written for Athena's own CloudTrail table, on the view `cloudtrail_logs`.

In: a folder of archives, and the statements that make a lake of them readable in DuckDB and in Spark. Out: exit code 0, or 1
and a line for each difference. Never: writes outside a folder of its own, or knows anything about trailmill.

    python tests/engines/queries.py ARCHIVES duckdb=DDL.sql spark=DDL.sql
    python tests/engines/queries.py - duckdb=DDL.sql spark=DDL.sql      # without archives: one engine against the other

Every query runs on each view, and on a table that Python fills from the JSON of the archives as the documentation of the
table has it (Athena User Guide, "Create a table for CloudTrail logs in Athena using manual partitioning"): scalars are
strings, so are JSON objects without a struct, names are lower case. All of them must return the same rows. `-- rows: N` in a
query gives their number, so that none passes by finding nothing.

On the view DuckDB gets a query verbatim, in a session far from UTC, with the functions that come with the view; where it
cannot, the query says `-- duckdb: translated`. Spark and the table get translations by sqlglot, corrected where it errs.
"""

import gzip
import json
import logging
import os
import re
import sys
import tempfile
import time
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path

os.environ['TZ'] = 'UTC'  # Spark hands out local times.
time.tzset()

import duckdb
import sqlglot
from sqlglot import exp

# What `now()`, `current_timestamp` and `current_date` are: two days after the last event of the story.
NOW = datetime(2025, 6, 30)
# The same for verbatim queries, in which DuckDB calls these functions.
AT_NOW = [
    f"CREATE OR REPLACE MACRO {name}() AS CAST('{NOW:%Y-%m-%d %H:%M:%S}' AS {kind})"
    for name, kind in (('now', 'TIMESTAMP'), ('get_current_timestamp', 'TIMESTAMP'), ('current_date', 'DATE'))
]

QUERIES = Path(__file__).parent / 'queries'


# The documented table.

TEXT = 'VARCHAR'
ISSUER = {name: TEXT for name in ('type', 'principalid', 'arn', 'accountid', 'username')}
SESSION = {
    'attributes': {'mfaauthenticated': TEXT, 'creationdate': TEXT},
    'sessionissuer': ISSUER,
    'ec2roledelivery': TEXT,
    'webidfederationdata': {'federatedprovider': TEXT, 'attributes': 'MAP(VARCHAR, VARCHAR)'},
}
IDENTITY = {name: TEXT for name in ('type', 'principalid', 'arn', 'accountid', 'invokedby', 'accesskeyid', 'username')} | {
    'onbehalfof': {'userid': TEXT, 'identitystorearn': TEXT},
    'sessioncontext': SESSION,
}
COLUMNS = {
    'eventversion': TEXT, 'useridentity': IDENTITY, 'eventtime': TEXT, 'eventsource': TEXT, 'eventname': TEXT,
    'awsregion': TEXT, 'sourceipaddress': TEXT, 'useragent': TEXT, 'errorcode': TEXT, 'errormessage': TEXT,
    'requestparameters': TEXT, 'responseelements': TEXT, 'additionaleventdata': TEXT, 'requestid': TEXT, 'eventid': TEXT,
    'resources': [{'arn': TEXT, 'accountid': TEXT, 'type': TEXT}], 'eventtype': TEXT, 'apiversion': TEXT, 'readonly': TEXT,
    'recipientaccountid': TEXT, 'serviceeventdetails': TEXT, 'sharedeventid': TEXT, 'vpcendpointid': TEXT,
    'vpcendpointaccountid': TEXT, 'eventcategory': TEXT,
    'addendum': {'reason': TEXT, 'updatedfields': TEXT, 'originalrequestid': TEXT, 'originaleventid': TEXT},
    'sessioncredentialfromconsole': TEXT, 'edgedevicedetails': TEXT,
    'tlsdetails': {'tlsversion': TEXT, 'ciphersuite': TEXT, 'clientprovidedhostheader': TEXT},
}
# Those of the path, under the names that the documentation and its readers give them.
PARTITIONS = ('account', 'region', 'year', 'month', 'day', 'timestamp')


def sql_type(shape):
    if isinstance(shape, list):
        return sql_type(shape[0]) + '[]'
    if isinstance(shape, dict):
        return 'STRUCT(' + ', '.join(f'"{name}" {sql_type(inner)}' for name, inner in shape.items()) + ')'
    return shape


def presented(value, shape):
    """A JSON value as the SerDe of the table gives it to a column of this shape."""
    if value is None:
        return None
    if isinstance(shape, list):
        return [presented(element, shape[0]) for element in value]
    if isinstance(shape, dict):
        members = {name.lower(): inner for name, inner in value.items()}
        return {name: presented(members.get(name), inner) for name, inner in shape.items()}
    if shape.startswith('MAP'):
        return {name: presented(inner, TEXT) for name, inner in value.items()}
    return value if isinstance(value, str) else json.dumps(value, separators=(',', ':'), ensure_ascii=False)


def partitions(path, event):
    """The values of an archive's folders; an archive that lies elsewhere gets those of its events."""
    place = re.search(r'/AWSLogs/(?:o-\w+/)?(\d+)/CloudTrail\w*/([^/]+)/(\d{4})/(\d\d)/(\d\d)/', path.as_posix())
    day = re.fullmatch(r'(\d{4})-(\d\d)-(\d\d)T.*', event.get('eventTime') or '')
    account, region, *folders = place.groups() if place else (event.get('recipientAccountId'), event.get('awsRegion'))
    # Archives of the first minutes of a day hold the last events of the day before. Athena finds those under the later day;
    # the view has the day of the event, which is expected here.
    year, month, day = day.groups() if day else folders or (None, None, None)
    return (account, region, year, month, day, f'{year}/{month}/{day}' if year else None)


def source_rows(folder):
    """Every event of the archives below a folder, in the documented columns."""
    for path in sorted(folder.rglob('*')):
        if not path.is_file():
            continue
        stored = path.read_bytes()
        document = json.loads(gzip.decompress(stored) if stored[:2] == b'\x1f\x8b' else stored)
        events = document['Records'] if isinstance(document, dict) else document
        for event in events:
            yield presented(event, COLUMNS) | dict(zip(PARTITIONS, partitions(path, event)))


# From one dialect to the others.

JAVA = {'%Y': 'yyyy', '%m': 'MM', '%d': 'dd', '%H': 'HH', '%M': 'mm', '%S': 'ss'}


def java_pattern(pattern):
    """A pattern of `date_parse` and `date_format`, which sqlglot keeps in Python's terms, as Spark's functions take it."""
    pieces = re.findall(r'%.|[A-Za-z]+|[^%A-Za-z]+', pattern)
    return ''.join(JAVA[piece] if piece[0] == '%' else f"'{piece}'" if piece.isalpha() else piece for piece in pieces)


def call(name, *arguments):
    return exp.Anonymous(this=name, expressions=list(arguments))


def translate(tree, engine):
    """The query in the dialect of an engine. The code here is for what sqlglot does not know, or gets wrong."""

    def mend(node):
        if isinstance(node, exp.CurrentTimestamp):
            kind = 'TIMESTAMPTZ' if engine == 'duckdb' else 'TIMESTAMP'
            return exp.cast(exp.Literal.string(f'{NOW:%Y-%m-%d %H:%M:%S}+00:00'), kind)
        if isinstance(node, exp.CurrentDate):
            return exp.cast(exp.Literal.string(f'{NOW:%Y-%m-%d}'), 'DATE')
        return (mend_duckdb if engine == 'duckdb' else mend_spark)(node)

    tree = tree.copy()
    # From the leaves up, so that the parts of a replaced node are corrected first.
    for node in reversed(list(tree.walk(bfs=True))):
        mended = mend(node)
        if mended is not node:
            node.replace(mended)
    return tree.sql(dialect=engine)


def mend_duckdb(node):
    if isinstance(node, exp.DateDiff):
        # Whole units that have passed; DuckDB's `date_diff` counts borders that were crossed.
        return call('date_sub', exp.Literal.string(node.text('unit').lower()), node.expression, node.this)
    return node


def mend_spark(node):
    if isinstance(node, exp.JSONExtractScalar):
        # Spark gives the text of objects and lists, too.
        path = exp.Literal.string(node.sql('spark').rpartition(", '")[2].removesuffix("')").replace("\\'", "'"))
        found = call('try_variant_get', call('try_parse_json', node.this.copy()), path, exp.Literal.string('variant'))
        is_tree = call('rlike', call('schema_of_variant', found), exp.Literal.string('^(OBJECT|ARRAY)'))
        return call('if', is_tree, exp.Null(), node.copy())
    if isinstance(node, exp.DateAdd):
        # Spark's `date_add` always returns a date.
        return call('timestampadd', exp.var(node.text('unit').upper()), node.expression, node.this)
    if isinstance(node, exp.StrToTime):
        # Literal letters are quoted.
        return call('to_timestamp', node.this, exp.Literal.string(java_pattern(node.text('format'))))
    if isinstance(node, exp.TimeToStr):
        return call('date_format', node.this, exp.Literal.string(java_pattern(node.text('format'))))
    if isinstance(node, exp.DataType) and node.is_type('json'):
        # There is no such type; JSON is text.
        return exp.DataType.build('text')
    if isinstance(node, exp.DayOfWeekIso):
        # From Monday on; sqlglot's is two days off.
        return exp.Add(this=call('weekday', node.this), expression=exp.Literal.number(1))
    return node


# Engines.

class DuckDB:
    def __init__(self, statements, zone='UTC'):
        self.database = duckdb.connect()
        self.database.execute(f"set timezone = '{zone}'")
        for statement in statements:
            self.database.execute(statement)

    def rows(self, query):
        """Names and rows."""
        relation = self.database.sql(query)
        # Times with a zone can only be fetched if pytz is installed.
        names = [f'c{at}' for at in range(len(relation.columns))]
        wanted = [f"{name} at time zone 'UTC'" if str(kind) == 'TIMESTAMP WITH TIME ZONE' else name
                  for name, kind in zip(names, relation.types)]
        found = self.database.execute(f'select {", ".join(wanted)} from ({query}) as q({", ".join(names)})').fetchall()
        return [name.lower() for name in relation.columns], found


class Spark:
    def __init__(self, statements, folder):
        from pyspark.sql import SparkSession

        settings = {
            'spark.sql.session.timeZone': 'UTC', 'spark.sql.warehouse.dir': f'{folder}/warehouse',
            'spark.driver.bindAddress': '127.0.0.1', 'spark.driver.host': '127.0.0.1',
            'spark.ui.enabled': 'false', 'spark.ui.showConsoleProgress': 'false', 'spark.log.level': 'ERROR',
            # Little is read: one task for all files, and nothing compiled that runs once.
            'spark.sql.shuffle.partitions': '1', 'spark.sql.files.minPartitionNum': '1', 'spark.sql.files.openCostInBytes': '0',
            'spark.sql.codegen.wholeStage': 'false', 'spark.sql.codegen.factoryMode': 'NO_CODEGEN',
            'spark.driver.extraJavaOptions': '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC',
        }
        # The exception says what went wrong.
        logging.getLogger('SQLQueryContextLogger').setLevel(logging.CRITICAL)
        builder = SparkSession.builder.master('local[2]').appName('queries')
        for name, value in settings.items():
            builder = builder.config(name, value)
        self.session = builder.getOrCreate()
        for statement in statements:
            self.session.sql(statement)

    def rows(self, query):
        """Names and rows."""
        result = self.session.sql(query)
        return [name.lower() for name in result.columns], [tuple(row) for row in result.collect()]


def statements(path):
    """The statements of a file, without comments."""
    lines = [line for line in Path(path).read_text().splitlines() if not line.lstrip().startswith('--')]
    return [piece.strip() for piece in re.split(r';\s*(?:\n|$)', '\n'.join(lines)) if piece.strip()]


# Rows of any engine, made alike.

def plain(value, is_set):
    """A value in JSON's terms; fractions to six digits, for engines divide in decimals or in floats."""
    if hasattr(value, 'asDict'):
        value = value.asDict()
    if isinstance(value, dict):
        members = {name.lower(): plain(inner, is_set) for name, inner in value.items()}
        # Flat columns cannot distinguish an object without members from none at all.
        return members if any(inner is not None for inner in members.values()) else None
    if isinstance(value, (list, tuple)):
        elements = [plain(element, is_set) for element in value]
        return sorted(elements, key=repr) if is_set else elements
    if isinstance(value, (float, Decimal)):
        rounded = round(float(value), 6)
        return int(rounded) if rounded.is_integer() else rounded
    if isinstance(value, datetime):
        return (value.astimezone(timezone.utc).replace(tzinfo=None) if value.tzinfo else value).isoformat()
    return value.isoformat() if isinstance(value, date) else value


class Query:
    """A file of `queries/`."""

    def __init__(self, path):
        self.name = path.stem
        text = path.read_text()
        self.rows = int(re.search(r'^-- rows: (\d+)$', text, re.MULTILINE)[1])
        self.text = '\n'.join(line for line in text.splitlines() if not line.startswith('--')).rstrip(';')
        self.is_translated = '\n-- duckdb: translated\n' in text
        self.tree = sqlglot.parse_one(text, read='athena')
        for node in self.tree.walk():
            node.comments = None
        # `array_agg` promises no order.
        self.is_set = self.tree.find(exp.ArrayAgg) is not None
        self.has_star = any(isinstance(projection, exp.Star) for projection in self.tree.selects)

    def run(self, engine, dialect, as_it_stands=False):
        names, rows = engine.rows(self.text if as_it_stands else translate(self.tree, dialect))
        if self.has_star:
            # Our view may have more columns than the table.
            rows = [[dict(zip(names, row)).get(name) for name in [*COLUMNS, *PARTITIONS]] for row in rows]
        rows = [[plain(value, self.is_set) for value in row] for row in rows]
        return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))


def expectations(folder, scratch):
    """A DuckDB with the documented table, filled from the archives."""
    path = Path(scratch, 'source.jsonl')
    with path.open('w') as lines:
        for row in source_rows(folder):
            lines.write(json.dumps(row) + '\n')
    columns = {name: sql_type(shape) for name, shape in COLUMNS.items()} | {name: TEXT for name in PARTITIONS}
    columns = ', '.join(f"'{name}': '{kind}'" for name, kind in columns.items())
    read = f"read_json('{path}', format = 'newline_delimited', columns = {{{columns}}})"
    return DuckDB([f'create table cloudtrail_logs as select * from {read}'])


def difference(name, what, expected, found):
    """A line that shows the first row that only one of them has."""
    missing = [row for row in expected if row not in found]
    surplus = [row for row in found if row not in expected]
    rows = (('only expected', missing), ('only found', surplus))
    shown = ''.join(f'\n    {word}: {json.dumps(only[0])}' for word, only in rows if only)
    return f'{name}: {what}: {len(found)} rows, expected {len(expected)}{shown}'


def main():
    archives, *ddl = sys.argv[1:]
    queries = [Query(path) for path in sorted(QUERIES.glob('*.sql'))]
    differences, found = [], 0
    with tempfile.TemporaryDirectory() as scratch:
        engines = {}
        for argument in ddl:
            engine, path = argument.split('=', 1)
            if engine == 'spark':
                engines[engine] = Spark(statements(path), scratch)
            else:
                engines[engine] = DuckDB(statements(path) + AT_NOW, 'America/New_York')
        has_archives = archives != '-'
        source = expectations(Path(archives), scratch) if has_archives else None
        for query in queries:
            answers = {}
            try:
                if source:
                    answers['archives'] = query.run(source, 'duckdb')
                    rows = len(answers['archives'])
                    if rows != query.rows:
                        differences.append(f'{query.name}: {rows} rows in the archives, {query.rows} declared')
                for engine in engines:
                    answers[engine] = query.run(engines[engine], engine, engine == 'duckdb' and not query.is_translated)
            except Exception as error:  # Whatever an engine throws is a difference.
                differences.append(f'{query.name}: {type(error).__name__}: {str(error)[:600]}')
                continue
            (first, expected), *others = answers.items()
            found += bool(expected)
            for what, rows in others:
                if rows != expected:
                    differences.append(difference(query.name, f'{what} differs from {first}', expected, rows))
    for line in differences:
        print(line)
    versions = f'DuckDB {duckdb.__version__}' + (f', Spark {engines["spark"].session.version}' if 'spark' in engines else '')
    as_they_stand = sum(not query.is_translated for query in queries)
    told = f'{len(queries)} queries ({as_they_stand} as they stand in DuckDB, {found} found rows)'
    print(f'{versions}: {told}, {len(differences)} differences')
    return 1 if differences else 0


if __name__ == '__main__':
    sys.exit(main())
