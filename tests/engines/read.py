"""Lets every engine read the lakes that the Rust test has made, from the disk and from S3.

In: a JSON file of expectations (described in `tests/it/engines.rs`; here only names and types are used). Out: a
JSON file of readings, by engine. Never: compares readings; `check.py` does.

Engines run one after the other, each in a process of its own, so that they neither meet nor add up in memory. S3 is moto's
server on the loopback; the lakes are uploaded as they are.

    python tests/engines/read.py EXPECTATIONS.json READINGS.json [ENGINE...]
"""

import importlib
import json
import logging
import os
import subprocess
import sys
import time
from pathlib import Path

from contract import nested

# The newest DuckDB, and one for which httpfs is available as a package: `.ci/engines` installs it beside the interpreter.
HTTPFS = Path(sys.prefix) / 'older' / 'duckdb-1.5'
ENGINES = {
    'duckdb': ('readers.duckdb', {'remote': False}),
    'duckdb-httpfs': ('readers.duckdb', {'path': HTTPFS}),
    'pyarrow': ('readers.pyarrow', {}),
    'polars': ('readers.polars', {}),
    'clickhouse': ('readers.clickhouse', {}),
    'datafusion': ('readers.datafusion', {}),
    'spark': ('readers.spark', {}),
}
KEYS = {'access_key': 'testing', 'secret_key': 'testing', 'region': 'us-east-1', 'bucket': 'lakes'}


def main():
    expectations, readings = Path(sys.argv[1]), Path(sys.argv[2])
    engines = sys.argv[3:] or list(ENGINES)
    lakes = json.loads(expectations.read_text())['lakes']
    server, s3 = serve({name: lake['root'] for name, lake in lakes.items() if lake['is_on_s3']})
    found = {}
    for engine in engines:
        began = time.monotonic()
        _, options = ENGINES[engine]
        environment = dict(os.environ)
        if 'path' in options:
            environment['PYTHONPATH'] = str(options['path'])
        request = {'engine': engine, 's3': s3 if options.get('remote', True) else None}
        command = [sys.executable, __file__, '--engine', str(expectations), json.dumps(request)]
        process = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if process.returncode != 0:
            found[engine] = {'name': engine, 'version': '', 'failed': process.stderr[-4000:]}
        else:
            found[engine] = json.loads(process.stdout.splitlines()[-1])
        found[engine]['seconds'] = round(time.monotonic() - began, 1)
    server.stop()
    readings.write_text(json.dumps(found, indent=1))


def serve(lakes):
    """Starts an S3 server with these lakes in it; the server, and how to reach it."""
    import boto3
    from moto.moto_server.threaded_moto_server import ThreadedMotoServer

    # A line for each request is too much.
    logging.getLogger('werkzeug').setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    s3 = {**KEYS, 'endpoint': f'http://{host}:{port}'}
    client = boto3.client(
        's3',
        endpoint_url=s3['endpoint'],
        region_name=s3['region'],
        aws_access_key_id=s3['access_key'],
        aws_secret_access_key=s3['secret_key'],
    )
    client.create_bucket(Bucket=s3['bucket'])
    for name, root in lakes.items():
        for path in sorted(Path(root).rglob('*.parquet')):
            client.upload_file(str(path), s3['bucket'], f'{name}/{path.relative_to(root)}')
    return server, s3


def read(engine, expectations, s3):
    """What one engine finds, in this process."""
    module = importlib.import_module(ENGINES[engine][0])
    reader = module.Reader(s3)
    found = {'name': module.NAME, 'version': module.version(), 'blind': sorted(module.BLIND), 'lakes': {}}
    for name, lake in expectations['lakes'].items():
        roots = {'disk': lake['root']}
        if lake['is_on_s3'] and s3 is not None:
            roots['s3'] = f"s3://{s3['bucket']}/{name}"
        for place, root in roots.items():
            found['lakes'][f'{name} on {place}'] = read_lake(reader, root, lake)
    lookup = expectations['lookup']
    found['indexes'] = reader.indexes(lookup['file'])
    found['looked_at'] = []
    for condition in lookup['conditions']:
        # A bloom filter serves a value, the page index a range.
        switches = ('bloom_filters', 'page_index')
        used = switches[0] if condition[0] == 'event_id' else switches[1]
        looked_at = [
            reader.looked_at(lookup['file'], condition, **{name: name != used or is_on for name in switches})
            for is_on in (True, False)
        ]
        found['looked_at'].append([used, condition, *looked_at])
    return found


def read_lake(reader, root, lake):
    found = {}
    for table, expected in lake['tables'].items():
        columns = {column['name']: column['type'] for column in expected['columns']}
        whole = {name: kind for name, kind in columns.items() if not nested(name)[0]}
        try:
            opened = reader.open(root, table, whole, expected['partition_columns'])
        except Exception as error:
            if expected['rows']:
                raise
            # A table without rows has no file; every engine has its own error for that.
            found[table] = {'absent': f'{type(error).__name__}: {error}'[:300]}
            continue
        found[table] = {
            'types': reader.types(opened),
            'rows': reader.rows(opened),
            'columns': reader.measures(opened, columns),
        }
        if expected['partition_columns']:
            found[table]['partitions'] = reader.partitions(opened)
        if table == 'events':
            found[table]['event_times'] = reader.event_times(opened, list(lake['event_times']))
        if table == 'usage_records':
            found[table]['outcomes'] = reader.outcomes(opened)
    return found


if __name__ == '__main__':
    if sys.argv[1] == '--engine':
        request = json.loads(sys.argv[3])
        print(json.dumps(read(request['engine'], json.loads(Path(sys.argv[2]).read_text()), request['s3'])))
    else:
        main()
