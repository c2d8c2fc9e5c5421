"""Real engines, one module each, all with the same functions.

A module has `NAME`, `version()`, and a class `Reader(s3)`; `s3` says where the S3 server is, or is None. A reader has

- `open(root, table, columns, partition_columns)`: the table of a lake, to be given to the functions below. Its `columns` is
  the expected `{name: type}` in the terms of the contract; partition columns are read as text, whatever their values look
  like. Raises when no file is there.
- `types(opened)`: `{column: type}` in the order of the table, in the terms of the contract where it is what the contract's
  type is in this engine, and in the engine's own otherwise. Without the partition columns.
- `rows(opened)`, and `measures(opened, columns)`: `{column: [values, sum, least, greatest]}`, see `contract.py`.
- `partitions(opened)`: `{partition: [rows, least, greatest event_time]}`, values joined by `/`, null for none.
- `outcomes(opened)`: `{outcome: [rows, quantity]}` of `usage_records`.
- `event_times(opened, event_ids)`: `{event_id: [event_time]}`, one lookup for each id.
- `indexes(file)`: what the engine reports about a file's `bloom_filters` and `page_index`, each as the columns that have one, and
  how many of some `strangers` the filter of `event_id` lets pass.
- `looked_at(file, condition, bloom_filters, page_index)`: how much of a file was read to find rows, with or without each of
  the two, in the unit of the engine; None when it does not report it. A condition is `('event_id', id)` or
  `('event_time', earliest)`.

`BLIND` lists what the engine cannot report, as the check finds it; nothing else may be missing.
"""
