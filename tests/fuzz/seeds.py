#!/usr/bin/env python3
"""Makes seeds/<target>/ from data/: where the fuzzers begin. Small pieces, since a fuzzer is as slow as its inputs."""

import glob
import gzip
import hashlib
import json
import os
import re
import shutil

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "..", "..", "data")
SEEDS = os.path.join(HERE, "seeds")

LONGEST_TEXT = 16_384
# One in this many events of the sample becomes a seed: they are much alike.
EVENT_STEP = 7


def put(target, content):
    folder = os.path.join(SEEDS, target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, hashlib.sha1(content).hexdigest()), "wb") as file:
        file.write(content)


def text_of(path):
    with open(path, "rb") as file:
        stored = file.read()
    if stored[:2] != b"\x1f\x8b":
        return stored
    try:
        return gzip.decompress(stored)
    except (OSError, EOFError):
        return b""


def events_of(text):
    """The events of an archive, verbatim."""
    try:
        text = text.decode()
        at = text.index("[") + 1
    except ValueError:
        return
    decoder = json.JSONDecoder()
    while True:
        while at < len(text) and text[at] in " \n\r\t,":
            at += 1
        try:
            _, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return
        yield text[at:end]
        at = end


def main():
    shutil.rmtree(SEEDS, ignore_errors=True)
    paths = sorted(
        path for path in glob.glob(os.path.join(DATA, "**", "*"), recursive=True)
        if os.path.isfile(path) and ".expected." not in path and not path.endswith(".md")
    )
    events, timestamps, numbers = [], set(), set()
    for path in paths:
        with open(path, "rb") as file:
            stored = file.read()
        put("container", stored[:LONGEST_TEXT])
        if path.endswith(".zip"):
            put("zip", stored)
        text = text_of(path)
        if len(text) <= LONGEST_TEXT:
            put("archive", text)
            put("split", text)
            if not path.endswith(".gz"):
                put("container", gzip.compress(text, mtime=0))
        found = [event for event in events_of(text) if event.startswith("{") and len(event) <= LONGEST_TEXT]
        events += found if "sample" not in path else found[::EVENT_STEP]
    for at, event in enumerate(events):
        put("event", event.encode())
        timestamps.update(re.findall(r'"(?:[A-Za-z]*[tT]ime(?:stamp)?|creationDate)" ?: ?"?([^"{}\[\]]{1,40})"?[,}]', event))
        numbers.update(re.findall(r'"[A-Za-z]*[qQ]uantity[A-Za-z]*" ?: ?"?([^"{}\[\]]{1,40})"?[,}]', event))
        if at % 4 == 0:
            archive = '{"Records":[%s]}' % ",".join(events[at:at + 3])
            if len(archive) <= LONGEST_TEXT:
                put("archive", archive.encode())
                put("split", archive.encode())
    for text in timestamps:
        put("timestamp", text.replace("\\u202f", "\u202f").encode())
    for text in numbers | timestamps:
        put("decimal", text.encode())
    # After a zero byte comes a tape that an archive is drawn from, or the pieces of a file.
    for seed in range(40):
        tape = b"".join(hashlib.sha512(b"%d %d" % (seed, part)).digest() for part in range(4 + seed % 12))
        put("pages", tape)
        for target in ("archive", "split", "container", "zip"):
            put(target, b"\0" + tape)


main()
