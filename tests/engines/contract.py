"""What every engine has to find in a lake, under any type name.

In: the types of the contract and the values that an engine returns. Out: the same values in one form. Never: reads a lake.

A column, or a leaf of a list such as `usage_allocations[].tags[].key`, is described by four values: how many are not null, one
exact number that changes when a value does, the least and the greatest. The number is the length of text in bytes, of a list
in elements, of a timestamp in milliseconds and of a decimal in millionths. Text compares by its bytes.
"""

from decimal import Decimal

RESOURCES = 'LIST<STRUCT<arn, account_id, type>>'
ALLOCATIONS = 'LIST<STRUCT<allocated_usage_quantity, tags LIST<STRUCT<key, value>>>>'
# Types of leaves alone: the tags of an allocation, and an element as a whole, of which only the presence counts.
TAGS = 'LIST<STRUCT<key, value>>'
ELEMENT = 'STRUCT'

TEXTS = ('STRING', 'STRING (JSON)')
LISTS = (RESOURCES, ALLOCATIONS, TAGS)
NULL_PARTITION = '__HIVE_DEFAULT_PARTITION__'


def number(kind, value):
    """A sum, or a least or greatest value that is no text, as an integer in decimal digits."""
    if value is None:
        return None
    if kind == 'DECIMAL(18,6)':
        return str(int(Decimal(value).scaleb(6)))
    return str(int(value))


def extreme(kind, value):
    """A least or greatest value."""
    if value is None or kind in TEXTS:
        return value
    if kind == 'BINARY':
        return value.lower() if isinstance(value, str) else value.hex()
    return number(kind, value)


def measure(kind, values, total, least, greatest):
    """The four values of a column in the one form."""
    return [int(values), number(kind, total) or '0', extreme(kind, least), extreme(kind, greatest)]


def quantity(value):
    """A sum of quantities with its six places, however many of them an engine prints."""
    return str(Decimal(0 if value is None else value).quantize(Decimal('0.000001')))


def partition(values):
    """The values of partition columns, outermost first, as one text."""
    return '/'.join('null' if value is None else value for value in values)


def nested(path):
    """The lists around a leaf, outermost first, and what the leaf is in the innermost element: nothing for itself."""
    *lists, leaf = path.split('[]')
    return [name.lstrip('.') for name in lists], leaf.lstrip('.')
