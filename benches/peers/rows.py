"""Counts Parquet rows, by pyarrow. In: a folder, of any engine's making. Out: one line of JSON on stdout: rows, bytes,
and of trailmill's usage records how many were answered. Never takes an engine's word for its own output.
"""

import json
import sys
from pathlib import Path

import pyarrow.dataset as dataset

parts = sorted(str(path) for path in Path(sys.argv[1]).rglob("*.parquet"))
table = dataset.dataset(parts, format="parquet")
answered = None
if "outcome" in table.schema.names:
    is_answer = (dataset.field("event_name") == "BatchMeterUsage") & dataset.field("status").is_valid()
    answered = table.count_rows(filter=is_answer)
size = sum(Path(part).stat().st_size for part in parts)
print(json.dumps({"rows": table.count_rows(), "answers": answered, "parquet_bytes": size}))
