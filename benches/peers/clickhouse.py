"""How the ClickHouse workers read and write. In: parts of a statement. Out: the statement, run by chdb.

Pages are compressed as trailmill compresses them, and no bloom filters are written, though trailmill writes some.
"""

import chdb

from common import NO_DATE, THREADS, clickhouse_type

# An archive is one object: the format's own limit is half a GiB.
MAX_ARCHIVE_BYTES = 16 << 30
SETTINGS = f"""SETTINGS max_threads = {THREADS}, input_format_json_max_object_size = {MAX_ARCHIVE_BYTES},
    output_format_parquet_compression_method = 'zstd', output_format_compression_level = 1,
    output_format_parquet_write_bloom_filter = 0"""
TIME_COLUMNS = f"""parseDateTimeBestEffortOrNull(event.eventTime) AS event_time,
    ifNull(substring(event.eventTime, 1, 10), '{NO_DATE}') AS event_date"""


def connect():
    chdb.query("SELECT 1")
    return chdb


def events(archives, members, small=False):
    """One row per event. The JSON format is the faster way with large archives, and `JSONExtract` with small ones,
    since the format prepares every typed column anew for every archive."""
    records = clickhouse_type([members])
    if small:
        source, form = f"JSONExtract(line, 'Records', '{records}')", "'LineAsString'"
    else:
        source, form = "Records", f"'JSONEachRow', 'Records {records}'"
    return f"(SELECT arrayJoin({source}) AS event FROM file('{archives}/**/*.json.gz', {form}))"


def columns(members, of):
    return ", ".join(f"{of}.{name} AS {name}" for name in members)


def insert(connection, out, select):
    """`select` has the columns of `TIME_COLUMNS` among its own."""
    connection.query(f"""INSERT INTO FUNCTION file('{out}/event_date={{_partition_id}}/part.parquet', 'Parquet')
        PARTITION BY event_date {select} {SETTINGS}""")
