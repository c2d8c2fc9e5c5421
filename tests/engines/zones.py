"""Runs the same queries on a saved DuckDB database of a lake in sessions of several time zones.

In: a lake and the statements for DuckDB. Out: exit code 0, or 1 and a line for each difference. Never: writes into the lake.

    python tests/engines/zones.py LAKE DUCKDB.sql
"""

import datetime
import re
import sys
import tempfile
from pathlib import Path

import duckdb
import pyarrow.compute as pc
import pyarrow.dataset as ds

ZONES = ['UTC', 'America/New_York', 'Asia/Kolkata', 'Pacific/Kiritimati']
DAY = '2025-06-01'
# What people write for a day in UTC, the current time, or an hour of the day.
CONDITIONS = [
    f"{{time}} >= '{DAY}'",
    f"{{time}} >= '{DAY}T00:00:00Z'",
    f"{{time}} >= TIMESTAMP '{DAY} 12:00:00'",
    f"{{time}} BETWEEN '{DAY} 00:00:00' AND '{DAY} 23:59:59'",
    f"CAST({{time}} AS DATE) = '{DAY}'",
    f"date_trunc('day', {{time}}) = '{DAY}'",
    'hour({time}) < 6',
    f"strftime({{time}}, '%Y-%m-%d') = '{DAY}'",
    f"{{time}} > CAST('{DAY}' AS DATE)",
    f"{{time}} < now() - INTERVAL 1 HOUR AND {{time}} > current_timestamp - (now() - TIMESTAMP '{DAY}')",
    '{time} < current_date - 1',
    f"{{time}} > localtimestamp - (now() - TIMESTAMP '{DAY}')",
    f"{{time}} >= today() - CAST(CAST(now() AS DATE) - DATE '{DAY}' AS INTEGER)",
    # What has a zone, as the header of the statements says.
    "{time} >= ? AT TIME ZONE 'UTC'",
    "{time} AT TIME ZONE 'UTC' >= ?",
    f"{{time}} >= TIMESTAMPTZ '{DAY} 02:00:00+02' AT TIME ZONE 'UTC'",
    f"hour({{time}} AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Berlin') < 6",
]
MOMENT = datetime.datetime.fromisoformat(f'{DAY}T00:00:00+00:00')
TIMES = {'events': 'event_time', 'usage_records': 'usage_timestamp', 'archives': 'newest_event_time'}
# Of AWS's table, whose times are texts.
PUBLISHED = [
    f"from_iso8601_timestamp(eventtime) >= from_iso8601_timestamp('{DAY}')",
    f"from_iso8601_timestamp(eventtime) > now() - (now() - from_iso8601_timestamp('{DAY}T06:00:00+02:00'))",
    f"date_trunc('day', from_iso8601_timestamp(eventtime)) = date_parse('{DAY}', '%Y-%m-%d')",
    f"eventtime >= date_format(date_add('day', 0, date_parse('{DAY}', '%Y-%m-%d')), '%Y-%m-%dT%H:%i:%sZ')",
    f"date_diff('hour', from_iso8601_timestamp(eventtime), date_parse('{DAY}', '%Y-%m-%d')) < 6",
]


def queries(script):
    """Queries by their subject."""
    found = {}
    for table, time in TIMES.items():
        for condition in CONDITIONS:
            asked = condition.format(time=time)
            found[f'{table}: {asked}'] = f'SELECT count(*), min({time}), max({time}) FROM {table} WHERE {asked}'
    for condition in PUBLISHED:
        found[f'cloudtrail_logs: {condition}'] = f'SELECT count(*), min(eventtime) FROM cloudtrail_logs WHERE {condition}'
    for view in re.findall(r'^CREATE OR REPLACE VIEW (metering_\w+) AS$', script, re.M):
        found[view] = f'SELECT * FROM {view}'
    return found


def main():
    lake, script = Path(sys.argv[1]), Path(sys.argv[2]).read_text()
    differences = []
    with tempfile.TemporaryDirectory() as folder:
        saved = str(Path(folder, 'lake.db'))
        database = duckdb.connect(saved)
        database.execute("SET TimeZone = 'Asia/Tokyo'")
        database.execute(script)
        database.close()
        answers = {}
        for zone in ZONES:
            database = duckdb.connect(saved)
            database.execute(f"SET TimeZone = '{zone}'")
            for name, query in queries(script).items():
                rows = sorted(database.execute(query, [MOMENT] * query.count('?')).fetchall(), key=repr)
                answers.setdefault(name, rows)
                if rows != answers[name]:
                    differences.append(f'{name}: {zone} finds {str(rows)[:200]}, UTC {str(answers[name])[:200]}')
            database.close()
    times = ds.dataset(lake / 'events', format='parquet').to_table(columns=['event_time'])['event_time']
    truth = pc.sum(pc.greater_equal(times, MOMENT)).as_py()
    for condition in [CONDITIONS[0], "{time} >= ? AT TIME ZONE 'UTC'", "{time} AT TIME ZONE 'UTC' >= ?"]:
        found = answers['events: ' + condition.format(time='event_time')][0][0]
        if found != truth or not 0 < found < len(times):
            differences.append(f'{condition}: {found} events are of {DAY} or later, of the files {truth} of {len(times)}')
    empty = [name for name, rows in answers.items() if rows and rows[0][0] == 0]
    if empty:
        differences.append(f'these find nothing, and so show nothing: {empty}')
    print('\n'.join(differences))
    print(f'{len(answers)} queries in {len(ZONES)} time zones: {len(differences)} differences')
    return 1 if differences else 0


if __name__ == '__main__':
    sys.exit(main())
