"""Compares the readings of engines with the expectations of the Rust test, and with each other.

In: the expectations, and the readings of `read.py`. Out: exit code 0, or 1 and a line for each difference, which names the
engine. Never: reads a lake, or knows anything about an engine but what it says it cannot report.

    python tests/engines/check.py EXPECTATIONS.json READINGS.json
"""

import json
import sys
from pathlib import Path

from contract import ELEMENT, LISTS


class Check:
    def __init__(self, engine):
        self.engine, self.differences, self.untold, self.compared = engine, [], set(), 0

    def same(self, what, expected, found):
        self.compared += 1
        if expected != found:
            self.differences.append(f'{self.engine}: {what}: expected {shown(expected)}, found {shown(found)}')

    def lake(self, name, expected, found):
        for table, wanted in expected['tables'].items():
            self.table(f'{name}, {table}', wanted, found[table])
        if 'usage_records' in found and 'absent' not in found['usage_records']:
            self.same(f'{name}, outcomes', expected['outcomes'], found['usage_records']['outcomes'])
        for event_id, time in expected['event_times'].items():
            self.same(f'{name}, events with id {event_id}', [time], found['events']['event_times'].get(event_id))

    def table(self, name, expected, found):
        if 'absent' in found:
            self.same(f'{name} without a file', expected['rows'], 0)
            return
        self.same(f'{name}, rows', expected['rows'], found['rows'])
        columns = {column['name']: column for column in expected['columns']}
        types = {path: column['type'] for path, column in columns.items() if '[]' not in path}
        self.same(f'{name}, columns in order', list(types), list(found['types']))
        for column, kind in types.items():
            self.same(f'{name}.{column}, type', kind, found['types'].get(column))
        for path, column in columns.items():
            measures = found['columns'].get(path, [None] * 4)
            compared = ('values', 'sum', 'min', 'max')
            if measures[0] is None and (column['type'] in LISTS or column['type'] == ELEMENT):
                self.untold.add('null elements' if column['type'] == ELEMENT else 'null lists')
                compared = ('sum',)
            for what, measure in zip(('values', 'sum', 'min', 'max'), measures):
                if what in compared:
                    self.same(f'{name}.{path}, {what}', column[what], measure)
        if 'partitions' in found:
            self.same(f'{name}, partitions', expected['partitions'], found['partitions'])

    def indexes(self, expected, found):
        if 'bloom_filters' in found:
            self.same('columns with a bloom filter', expected['bloom_filters'], found['bloom_filters'])
        if 'page_index' in found:
            self.same('columns without a page index', [], sorted(set(expected['page_index']) - set(found['page_index'])))
        if 'strangers' in found:
            passed, probed = found['strangers']
            self.same(f'fewer than a tenth of strangers pass the filter, {passed} of {probed}', True, passed * 10 < probed)

    def looked_at(self, found):
        """A filter that is used shows in how little is read with it."""
        for used, condition, with_it, without_it in found:
            if with_it is None:
                self.untold.add(used.replace('_', ' '))
                continue
            self.compared += 1
            if not with_it < without_it:
                told = f'{with_it} looked at with it, {without_it} without'
                self.differences.append(f'{self.engine}: {used} for {condition}: {told}')


def shown(value):
    """A value on one line that is not too long and has nothing unprintable."""
    text = ascii(value)
    return text if len(text) <= 300 else f'{text[:300]}…'


def check(expectations, reading):
    """Everything that one engine has read; returns the check with its differences."""
    check = Check(f"{reading['name']} {reading['version']}".strip())
    if 'failed' in reading:
        check.differences.append(f"{check.engine}: {reading['failed']}")
        return check
    lakes = reading['lakes']
    for name, found in lakes.items():
        lake, place = name.split(' on ')
        check.lake(name, expectations['lakes'][lake], found)
        if place == 's3':
            check.same(f'{lake} on S3 as on the disk', lakes[f'{lake} on disk'], found)
    for name, lake in expectations['lakes'].items():
        if lake['is_on_s3'] and f'{name} on s3' not in lakes:
            check.untold.add('S3')
    check.indexes(expectations['lookup'], reading['indexes'])
    check.looked_at(reading['looked_at'])
    check.same('what it cannot tell', set(reading['blind']), check.untold)
    return check


def compared_with_each_other(readings):
    """Lines for differences between engines, independent of the expectations."""
    seen = {}
    for engine, reading in readings.items():
        for lake, tables in reading.get('lakes', {}).items():
            for table, found in tables.items():
                for path, measures in found.get('columns', {}).items():
                    # One that cannot distinguish null from empty is compared with the expectations only.
                    if measures[0] is not None:
                        seen.setdefault((lake, table, path), {}).setdefault(json.dumps(measures), []).append(engine)
    for (lake, table, path), answers in seen.items():
        if len(answers) > 1:
            told = '; '.join(f"{', '.join(engines)}: {answer[:200]}" for answer, engines in answers.items())
            yield f'engines differ in {lake}, {table}.{path}: {told}'


def main():
    expectations, readings = (json.loads(Path(path).read_text()) for path in sys.argv[1:3])
    differences = list(compared_with_each_other(readings))
    for reading in readings.values():
        done = check(expectations, reading)
        differences += done.differences
        print(f"{done.engine}: {done.compared} compared, {len(done.differences)} differences, {reading['seconds']} s")
    for difference in differences:
        print(difference)
    return 1 if differences else 0


if __name__ == '__main__':
    sys.exit(main())
