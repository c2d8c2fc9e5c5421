"""Counts what archives hold, by the json module. In: a folder of archives. Out: one line of JSON on stdout.

The reference for every row count, independent of generator and engines; and since it reads each archive once, the page
cache is warm afterwards. Never matches requests to answers: of a call, the longer of the two lists tells its records.
"""

import gzip
import json
import sys
from pathlib import Path


def events(text):
    """The elements of `Records`, one at a time: an archive can be larger as objects than memory is."""
    decode = json.JSONDecoder().raw_decode
    at = text.index("[") + 1
    while text[at] != "]":
        event, at = decode(text, at)
        yield event
        at += text[at] == ","


def usage_of(event):
    """Usage records of an event, and answers to them in `results[]`."""
    if event.get("eventName") == "MeterUsage":
        return 1, 0
    if event.get("eventName") != "BatchMeterUsage":
        return 0, 0
    request, response = event.get("requestParameters") or {}, event.get("responseElements") or {}
    answers = len(response.get("results") or [])
    returned = len(response.get("unprocessedRecords") or [])
    # Of a call whose request is not shown, one record at least is known to have been.
    asked = len(request["usageRecords"]) if "usageRecords" in request else 1
    return max(asked, answers + returned), answers


def census(folder):
    counts = dict.fromkeys(
        ["archives", "events", "usage_records", "answers", "compressed_bytes", "inflated_bytes", "largest_bytes"], 0)
    for path in Path(folder).rglob("*.json.gz"):
        compressed = path.read_bytes()
        # Every byte is a character: nothing is looked at that is not ASCII, and a character more would cost fourfold.
        text = gzip.decompress(compressed).decode("latin-1")
        counts["archives"] += 1
        counts["compressed_bytes"] += len(compressed)
        counts["inflated_bytes"] += len(text)
        counts["largest_bytes"] = max(counts["largest_bytes"], len(text))
        for event in events(text):
            usage_records, answers = usage_of(event)
            counts["events"] += 1
            counts["usage_records"] += usage_records
            counts["answers"] += answers
    return counts


if __name__ == "__main__":
    print(json.dumps(census(sys.argv[1])))
