"""Tells what was measured. In: runs, counts of the inputs, environment. Out: table.md, raw.csv, environment.txt and
chart.svg. Never measures anything, and leaves no path of the machine in what it writes.
"""

import csv
import datetime
import math
import os
import platform
import re
import statistics
import subprocess
from pathlib import Path

import chart
from common import THREADS

HERE = Path(__file__).resolve().parent
ENGINES = {"trailmill": "trailmill", "clickhouse": "ClickHouse", "duckdb": "DuckDB"}
TITLES = {
    "org-events": ("org", "org → events"),
    "org-usage": ("org", "org → usage_records"),
    "org-both": ("org", "org → both tables"),
    "metering-usage": ("metering", "metering → usage_records"),
    "tiny-events": ("tiny", "tiny → events"),
    "one-events": ("one", "one archive → events"),
    "calls-usage": ("calls", "calls of 13 records → usage_records"),
    "sessions-events": ("sessions", "sessions that never repeat → events"),
}
QUESTIONS = {
    "query-key": ("org", "all events of one access key on one day"),
    "query-errors": ("org", "errors by day, service and code"),
    "query-usage": ("metering", "answered usage by product, dimension, month and status"),
}
# `seconds` is what is compared: of trailmill `process_seconds`, of the peers `work_seconds`, as they tell it.
COLUMNS = ["case", "engine", "run", "seconds", "work_seconds", "process_seconds", "cpu_seconds", "peak_rss_bytes",
           "rows", "parquet_bytes", "bytes_read", "stored_bytes", "convert_seconds"]


def environment(binary, packages, arguments):
    """Name to value, in the order to be told."""

    def told(*command):
        try:
            return subprocess.run(command, capture_output=True, text=True, check=True, cwd=HERE).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            return "unknown"

    def found(pattern, path):
        match = re.search(pattern, Path(path).read_text(encoding="utf-8"))
        return match[1] if match else "unknown"

    memory_kib = int(found(r"MemTotal:\s*(\d+)", "/proc/meminfo"))
    # The values of these options are paths.
    shown = re.sub(r"(--(?:binary|input|out))[ =]\S+", r"\1 PATH", " ".join(arguments))
    changed = " with changes" if told("git", "status", "--porcelain", "--untracked-files=no") else ""
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "command": f"python3 benches/peers/run.py {shown}".strip(),
        "cpu": found(r"model name\s*: (.*)", "/proc/cpuinfo"),
        "cores": str(os.cpu_count()),
        "memory": f"{memory_kib / (1 << 20):.1f} GiB",
        "load before": f"{os.getloadavg()[0]:.2f}",
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "rustc": told("rustc", "--version"),
        "trailmill": told(str(Path(binary).resolve()), "--version").split()[-1],
        "commit": told("git", "rev-parse", "--short=12", "HEAD") + changed,
        "engines": ", ".join(package.replace("==", " ") for package in packages),
        "settings": f"{THREADS} threads, zstd level 1, partitioned by event date",
    }


def medians(runs):
    """(case, engine) to median seconds, highest peak bytes, and the last run's other figures."""
    groups = {}
    for run in runs:
        groups.setdefault((run["case"], run["engine"]), []).append(run)
    return {
        key: group[-1] | {
            "seconds": statistics.median(run["seconds"] for run in group),
            "peak_rss_bytes": max(run["peak_rss_bytes"] for run in group),
        }
        for key, group in groups.items()
    }


def seconds(value):
    return f"{value:.3f} s" if value < 0.3 else f"{value:.2f} s" if value < 10 else f"{value:.1f} s"


def mebibytes(value):
    return f"{value / (1 << 20):,.1f} MiB" if value < 10 << 20 else f"{value / (1 << 20):,.0f} MiB"


def ratio(slower, faster):
    times = slower["seconds"] / faster["seconds"]
    return f"{times:.1f} ×" if times < 10 else f"{times:.0f} ×"


def describe(counts):
    archives = "1 archive" if counts["archives"] == 1 else f"{counts['archives']:,} archives"
    return [f"{counts['events']:,} events, {counts['inflated_bytes'] / 1e6:,.0f} MB of JSON", archives]


def conversion_table(measured, counts):
    lines = ["| work | as fast as ClickHouse | as DuckDB | trailmill | ClickHouse | DuckDB | rows |",
             "|---|---|---|---|---|---|---|"]
    for case, (input_name, title) in TITLES.items():
        if not (own := measured.get((case, "trailmill"))):
            continue
        peers = [measured.get((case, engine)) for engine in ("clickhouse", "duckdb")]
        ratios = [f"**{ratio(peer, own)}**" if peer else "" for peer in peers]
        costs = [f"{seconds(of['seconds'])}, {mebibytes(of['peak_rss_bytes'])}" if of else "" for of in [own, *peers]]
        rows = f"{own['rows']:,}"
        if peers[0] and peers[0]["rows"] != own["rows"]:
            rows += f" (peers: {peers[0]['rows']:,}, answered ones only)"
        work = f"{title}: {', '.join(describe(counts[input_name]))}"
        lines.append("| " + " | ".join([work, *ratios, *costs, rows]) + " |")
    return lines if len(lines) > 2 else []


def query_table(measured, counts):
    lines = ["| question, asked in DuckDB | faster over the lake | over archives | over the lake | pays after |",
             "|---|---|---|---|---|"]
    for case, (input_name, title) in QUESTIONS.items():
        if not (slow := measured.get((case, "archives"))):
            continue
        fast = measured[case, "lake"]
        saved = slow["seconds"] - fast["seconds"]
        asked = math.ceil(fast["convert_seconds"] / saved) if saved > 0 else 0
        pays = "1 question" if asked == 1 else f"{asked:,} questions" if asked else "never"
        costs = [f"{seconds(of['seconds'])}, reads {mebibytes(of['bytes_read'])} of {mebibytes(of['stored_bytes'])}"
                 for of in (slow, fast)]
        work = f"{title} ({input_name}, {slow['rows']:,} rows)"
        lines.append("| " + " | ".join([work, f"**{ratio(slow, fast)}**", *costs, pays]) + " |")
    return lines if len(lines) > 2 else []


def caption(runs, environment):
    times = max(run["run"] for run in runs) + 1
    packages = dict(re.findall(r"([a-z-]+) ([\d.]+)", environment["engines"]))
    return [
        f"{'Median of ' + str(times) + ' runs by turns' if times > 1 else 'One run'}, {environment['settings']}."
        " trailmill: whole process, all columns; peers: statement only, fewer columns.",
        f"{environment['cpu']}, {environment['cores']} cores, {environment['memory']}."
        f" trailmill {environment['trailmill']}, ClickHouse {packages['chdb-core']} (chdb {packages['chdb']}),"
        f" DuckDB {packages['duckdb']}. {environment['date'].split()[0]}.",
    ]


def write(out, runs, counts, environment):
    out.mkdir(parents=True, exist_ok=True)
    measured = medians(runs)
    notes = caption(runs, environment)
    parts = [conversion_table(measured, counts), query_table(measured, counts), notes]
    text = "\n\n".join("\n".join(lines) for lines in parts if lines)
    (out / "table.md").write_text(text + "\n", encoding="utf-8")
    with open(out / "raw.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", extrasaction="raise", lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: f"{value:.4f}" if isinstance(value, float) else value for name, value in run.items()}
                         for run in runs)
    width = max(map(len, environment))
    lines = [f"{name:{width}}  {value}\n" for name, value in environment.items()]
    (out / "environment.txt").write_text("".join(lines), encoding="utf-8")
    groups = [
        chart.Group(title, describe(counts[name]), [
            chart.Bar(engine, of["seconds"], seconds(of["seconds"]), mebibytes(of["peak_rss_bytes"]),
                      "" if engine == "trailmill" else ratio(of, measured[case, "trailmill"]))
            for engine in ENGINES if (of := measured.get((case, engine)))])
        for case, (name, title) in TITLES.items() if (case, "trailmill") in measured
    ]
    if groups:
        (out / "chart.svg").write_text(chart.draw(groups, ENGINES, notes), encoding="utf-8")
