"""What the SQL engines have in common: statements made from a dialect.

In: the words of a dialect. Out: the functions of a reader. Never: knows an engine.
"""

from contract import ELEMENT, measure, nested, partition, quantity


class SqlReader:
    # `{type: expression}` of the number that is summed up, and of the least and greatest value where it is another.
    NUMBERS = {}
    EXTREMES = {}
    # A list as rows, the struct's member of an element, and milliseconds of a timestamp.
    UNNEST = '(select unnest({list}) as element from {source}) as elements'
    MEMBER = 'element.{name}'
    QUOTE = '"{name}"'
    # The value of a partition column when there is none.
    PARTITION = '{column}'
    # A timestamp from text like 2025-06-01T20:00:00Z.
    TIMESTAMP = "timestamp '{text}'"

    def select(self, statement):
        """The rows of a statement."""
        raise NotImplementedError

    def rows(self, opened):
        return int(self.select(f'select count(*) from {opened.source}')[0][0])

    def measures(self, opened, columns):
        levels = {}
        for path, kind in columns.items():
            lists, leaf = nested(path)
            levels.setdefault(tuple(lists), {})[path] = (leaf, kind)
        found = {}
        for lists, leaves in levels.items():
            found.update(self.level(self.unnested(opened.source, lists), bool(lists), leaves))
        return found

    def unnested(self, source, lists):
        for depth, name in enumerate(lists):
            column = self.MEMBER.format(name=name) if depth else self.quoted(name)
            source = self.UNNEST.format(list=column, source=source)
        return source

    def level(self, source, is_element, leaves):
        """Columns of a table, or leaves of the elements of a list: one statement for all of them."""
        expressions = []
        for leaf, kind in leaves.values():
            column = self.quoted(leaf) if not is_element else self.MEMBER.format(name=leaf) if leaf else 'element'
            expressions += [f'count({column})']
            if kind == ELEMENT:
                expressions += ['0', 'null', 'null']
                continue
            number = self.NUMBERS[kind].format(column)
            extreme = self.EXTREMES.get(kind, self.NUMBERS[kind]).format(column)
            expressions += [f'sum({number})', f'min({extreme})', f'max({extreme})']
        named = ', '.join(f'{expression} as c{at}' for at, expression in enumerate(expressions))
        row = list(self.select(f'select {named} from {source}')[0])
        found = {}
        for path, (_, kind) in leaves.items():
            found[path] = measure(kind, *row[:4])
            del row[:4]
        return found

    def partitions(self, opened):
        columns = [self.PARTITION.format(column=column) for column in opened.partition_columns]
        time = self.NUMBERS['TIMESTAMP'].format('event_time')
        named = ', '.join(f'{column} as p{at}' for at, column in enumerate(columns))
        groups = ', '.join(str(at + 1) for at in range(len(columns)))
        measures = f'count(*) as n, min({time}) as a, max({time}) as z'
        statement = f'select {named}, {measures} from {opened.source} group by {groups}'
        found = {}
        for *values, rows, least, greatest in self.select(statement):
            times = [None if time is None else str(int(time)) for time in (least, greatest)]
            found[partition(values)] = [int(rows), *times]
        return found

    def outcomes(self, opened):
        statement = f'select outcome, count(*) as n, sum(quantity) as q from {opened.source} group by outcome'
        return {outcome: [int(rows), quantity(total)] for outcome, rows, total in self.select(statement)}

    def event_times(self, opened, event_ids):
        time = self.NUMBERS['TIMESTAMP'].format('event_time')
        found = {}
        for event_id in event_ids:
            rows = self.select(f"select {time} as t from {opened.source} where event_id = '{event_id}'")
            found[event_id] = [str(int(time)) for (time,) in rows]
        return found

    def indexes(self, file):
        return {}

    def condition(self, condition):
        column, value = condition
        if column == 'event_time':
            return f'event_time >= {self.TIMESTAMP.format(text=value)}'
        return f"{column} = '{value}'"

    def quoted(self, name):
        return self.QUOTE.format(name=name)


class Opened:
    """A table of a lake: its text after `from`, and its partition columns."""

    def __init__(self, source, partition_columns, schema=None):
        self.source, self.partition_columns, self.schema = source, partition_columns, schema
