#!/usr/bin/env python3
"""How long trailmill takes to start, and how much memory, over a lake that has millions of archives.

Usage: known_archives.py [--binary target/release/trailmill] [--millions 10]. Needs pyarrow. Makes a lake of one archive in a
temporary folder, adds parts of `archives` with a million rows each, and runs over it three times.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile
import time

import pyarrow as pa
import pyarrow.parquet as pq

MILLION = 1_000_000


def key(part, number):
    account, day = 100_000_000_000 + number % 500, number % 28 + 1
    folder = f'AWSLogs/o-abc123/{account}/CloudTrail/us-east-1/2025/{part % 12 + 1:02}/{day:02}'
    return f'file:///data/trail/{folder}/{account}_CloudTrail_us-east-1_20250101T0000Z_{part:04}{number:012}.json.gz'


def add_archives(lake, part):
    first = lake / 'archives/part-000001-00000.parquet'
    table = pq.read_table(first)
    metadata = dict(pq.read_metadata(first).metadata) | {b'trailmill.parts': b'[]'}
    metadata.pop(b'ARROW:schema', None)
    columns = [
        pa.array([key(part, number) for number in range(MILLION)])
        if field.name == 'archive'
        else pa.array([table[field.name][0].as_py()] * MILLION, type=field.type)
        for field in table.schema
    ]
    rows = pa.Table.from_arrays(columns, schema=table.schema.with_metadata(metadata))
    dictionaries = [name for name in table.column_names if name != 'archive']
    path = lake / f'archives/part-{part:06}-00000.parquet'
    pq.write_table(rows, path, compression='zstd', row_group_size=122_880, use_dictionary=dictionaries)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--binary', default='target/release/trailmill', type=pathlib.Path)
    parser.add_argument('--millions', default=10, type=int)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        archive = folder / 'in.json'
        archive.write_text('{"Records":[{"eventVersion":"1.08","eventTime":"2025-01-01T00:00:00Z","eventID":"a"}]}')
        command = [arguments.binary.resolve(), 'convert', archive, '--out', folder / 'lake', '--quiet']
        subprocess.run(command, check=True)
        for part in range(2, arguments.millions + 2):
            add_archives(folder / 'lake', part)
        for _ in range(3):
            started = time.monotonic()
            subprocess.run([*command, '--report', folder / 'report.json'], check=True)
            seconds = time.monotonic() - started
            report = json.loads((folder / 'report.json').read_text())
            assert report['archives']['already_converted'] == 1, report
            print(f"{arguments.millions} million archives: {seconds:.2f} s, {report['peak_rss_bytes'] >> 20} MiB")


if __name__ == '__main__':
    main()
