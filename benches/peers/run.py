"""Does the same work in trailmill, ClickHouse and DuckDB. In: options, see `--help`. Out: results/table.md, raw.csv,
environment.txt and chart.svg, and exit code 1 if an engine failed or a row is missing or too many.

    python3 benches/peers/run.py              all of it, at full size: some ten minutes on two cores
    python3 benches/peers/run.py --smoke      whether all works, in seconds

Runs of the engines alternate. Of trailmill the whole process is timed, of the peers only their statement. Outputs are
counted and deleted between the runs. Never uses more than the standard library: the peers live in an environment of
their own below target/peers, or in one that has just these releases.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

# So that nothing but results appears beside the sources.
sys.dont_write_bytecode = True

import report  # noqa: E402
from common import THREADS  # noqa: E402

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / "target" / "peers"
PACKAGES = ["duckdb==2.0.1", "chdb==4.4.0", "chdb-core==26.9.0", "pyarrow==26.0.1"]

# Arguments of `trailmill generate`, or of `dense.py`, with those that set the size: of the bench, and of `--smoke`.
INPUTS = {
    "org": (["--mix", "org"], [], ["--archives", "8", "--events-per-archive", "500"]),
    "metering": (["--mix", "metering"], [], ["--archives", "6", "--events-per-archive", "100"]),
    "tiny": (["--mix", "tiny"], [], ["--archives", "200"]),
    "one": (["--mix", "org", "--archives", "1"], ["--events-per-archive", "500000"], ["--events-per-archive", "2000"]),
    "calls": (["calls"], ["100", "1000"], ["4", "50"]),
    "sessions": (["sessions"], ["200", "2500"], ["4", "50"]),
}
DENSE = ["calls", "sessions"]
# Archives that are smaller than this on average, inflated, are what the peers' form for small ones is for.
SMALL_BYTES = 256 << 10


@dataclass(frozen=True)
class Case:
    name: str
    input: str
    tables: str
    # Which worker does it in the peers; None: no statement of theirs gives both tables.
    worker: str | None


CASES = [
    Case("org-events", "org", "events", "events"),
    Case("org-usage", "org", "usage_records", "usage"),
    Case("org-both", "org", "usage_records,events", None),
    Case("metering-usage", "metering", "usage_records", "usage"),
    Case("tiny-events", "tiny", "events", "events"),
    Case("one-events", "one", "events", "events"),
    Case("calls-usage", "calls", "usage_records", "usage"),
    Case("sessions-events", "sessions", "events", "events"),
]
# Question, input.
QUERIES = [("key", "org"), ("errors", "org"), ("usage", "metering")]
NAMES = [case.name for case in CASES] + ["queries"]


class Failed(Exception):
    """Of an engine, or of a check."""


def process(command):
    """Runs it; returns what it printed, and seconds, processor seconds and peak bytes of the whole process."""
    start = time.perf_counter()
    child = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE)
    printed = child.stdout.read().decode()
    _, status, usage = os.wait4(child.pid, 0)
    elapsed = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise Failed(f"{Path(command[0]).name} ended with {child.returncode}")
    cost = {"process_seconds": elapsed, "cpu_seconds": usage.ru_utime + usage.ru_stime}
    return printed, cost | {"peak_rss_bytes": usage.ru_maxrss * 1024}


def check(what, found, expected):
    if found != expected:
        raise Failed(f"{what}: {found} found, {expected} expected")


class Bench:
    def __init__(self, options):
        self.options = options
        self.runs = 1 if options.smoke else options.runs
        self.inputs = options.input or WORK / ("smoke" if options.smoke else "input")
        self.out = WORK / "output"
        self.python = options.python or WORK / "venv" / "bin" / "python"
        self.binary = options.binary or ROOT / "target" / "release" / "trailmill"
        self.results = options.out or (WORK / "smoke-results" if options.smoke else HERE / "results")
        self.counts = {}

    def set_up(self):
        WORK.mkdir(parents=True, exist_ok=True)
        # What an interrupted run left.
        shutil.rmtree(self.out, ignore_errors=True)
        if not self.options.binary:
            subprocess.run(["cargo", "build", "--release", "--locked"], cwd=ROOT, check=True)
        if self.options.python:
            frozen = subprocess.run([self.python, "-m", "pip", "freeze"], check=True, stdout=subprocess.PIPE, text=True)
            check("missing in the environment", sorted(set(PACKAGES) - set(frozen.stdout.split())), [])
            return
        stamp = WORK / "venv" / "packages.txt"
        if not stamp.exists() or stamp.read_text().split() != PACKAGES:
            subprocess.run([sys.executable, "-m", "venv", "--clear", WORK / "venv"], check=True)
            pip = [self.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run(pip + PACKAGES, check=True)
            stamp.write_text("\n".join(PACKAGES))

    def worker(self, name, *arguments):
        printed, cost = process([self.python, "-B", HERE / f"{name}.py", *arguments])
        return json.loads(printed) | cost

    def prepare(self, name):
        """Generates an input if it is not there, counts it, and so reads it once."""
        if name in self.counts:
            return
        folder, told = self.inputs / name, ""
        if not folder.exists():
            mix, *sizes = INPUTS[name]
            partial = self.inputs / f"{name}.partial"
            shutil.rmtree(partial, ignore_errors=True)
            size = sizes[self.options.smoke]
            command = [self.binary, "generate", "--out", partial, *mix, *size]
            if name in DENSE:
                command = [sys.executable, HERE / "dense.py", *mix, partial, *size]
            told = subprocess.run(command, check=True, stderr=subprocess.PIPE, text=True).stderr
            partial.rename(folder)
        counts = json.loads(process([sys.executable, HERE / "census.py", folder])[0])
        for number, what in re.findall(r"([\d,]+) (archive|event|usage record)", told):
            check(f"{name}: {what}s", counts[what.replace(" ", "_") + "s"], int(number.replace(",", "")))
        check(f"{name}: empty", counts["events"] > 0, True)
        self.counts[name] = counts

    def convert(self, input_name, tables):
        """One run of trailmill, checked to the row; the lake stays. Copies are kept, as the peers keep them."""
        counts, report_file = self.counts[input_name], WORK / "report.json"
        _, run = process([
            self.binary, "convert", self.inputs / input_name, "--out", self.out, "--tables", tables,
            "--threads", THREADS, "--no-dedup", "--compression", "zstd:1", "--quiet", "--report", report_file])
        told = json.loads(report_file.read_text())
        events, usage_records = told["events"], told["usage_records"]["written"]
        check("events seen", events["seen"], counts["events"])
        check("events written", events["written"], counts["events"])
        check("events left out", events["quarantined"] + events["filtered"], 0)
        run |= {"rows": 0, "parquet_bytes": 0, "work_seconds": told["elapsed_ms"] / 1000}
        for table in tables.split(","):
            written = events["written"] if table == "events" else usage_records
            found = self.worker("rows", self.out / table)
            check(f"rows in {table}", found["rows"], written)
            if table == "usage_records":
                check("usage records", usage_records, counts["usage_records"])
                check("answered usage records", found["answers"], counts["answers"])
            run["rows"] += found["rows"]
            run["parquet_bytes"] += found["parquet_bytes"]
        return run | {"seconds": run["process_seconds"]}

    def convert_in_peer(self, case, engine):
        """One run of a peer, checked to the row."""
        counts = self.counts[case.input]
        self.out.mkdir()
        small = ["--small"] if counts["inflated_bytes"] < SMALL_BYTES * counts["archives"] else []
        archives = self.inputs / case.input
        run = self.worker(f"{case.worker}_{engine}", archives, self.out, "--largest", counts["largest_bytes"], *small)
        found = self.worker("rows", self.out)
        check("rows", found["rows"], counts["events" if case.worker == "events" else "answers"])
        return run | {"work_seconds": run["seconds"], "rows": found["rows"], "parquet_bytes": found["parquet_bytes"]}

    def clear(self):
        shutil.rmtree(self.out, ignore_errors=True)
        # So that no run waits for what the one before it wrote.
        os.sync()

    def measure(self, case):
        """All runs of a case, engines by turns."""
        self.prepare(case.input)
        engines = ["trailmill", *(["clickhouse", "duckdb"] if case.worker else [])]
        for run_index in range(self.runs):
            for engine in engines:
                self.clear()
                try:
                    if engine == "trailmill":
                        run = self.convert(case.input, case.tables)
                    else:
                        run = self.convert_in_peer(case, engine)
                except Failed as failure:
                    raise Failed(f"{case.name} in {engine}, run {run_index}: {failure}") from None
                yield {"case": case.name, "engine": engine, "run": run_index} | run
        self.clear()

    def ask(self):
        """All runs of the questions, archives and lake by turns."""
        for question, name in QUERIES:
            self.prepare(name)
            self.clear()
            converted = self.convert(name, "usage_records,events")
            lake_bytes = sum(path.stat().st_size for path in self.out.rglob("*") if path.is_file())
            chosen = []
            if question == "key":
                key, day, _ = json.loads(self.worker("queries", "busiest", "lake", self.out)["first"])
                chosen = ["--key", key, "--day", day]
            archives = (self.inputs / name, "--largest", self.counts[name]["largest_bytes"])
            digests = set()
            for run_index in range(self.runs):
                for source, where in [("archives", archives), ("lake", (self.out,))]:
                    run = self.worker("queries", question, source, *where, *chosen)
                    digests.add(run.pop("digest"))
                    run.pop("first")
                    check(f"answers to {question}", len(digests), 1)
                    size = self.counts[name]["compressed_bytes"] if source == "archives" else lake_bytes
                    run |= {"work_seconds": run["seconds"], "stored_bytes": size}
                    run |= {"convert_seconds": converted["seconds"]}
                    yield {"case": f"query-{question}", "engine": source, "run": run_index} | run
            self.clear()


def main():
    parser = argparse.ArgumentParser(description="Does the same work in trailmill, ClickHouse and DuckDB.")
    parser.add_argument("--runs", type=int, default=5, help="runs of each engine, the median is told [default: 5]")
    parser.add_argument("--cases", default=",".join(NAMES), help=f"some of {', '.join(NAMES)} [default: all]")
    parser.add_argument("--smoke", action="store_true", help="small input, one run: only whether all works")
    parser.add_argument("--binary", type=Path, help="trailmill [default: what cargo builds]")
    parser.add_argument("--python", type=Path, help="interpreter with the peers [default: target/peers/venv, made if missing]")
    parser.add_argument("--input", type=Path, help="folder of inputs, made if missing [default: target/peers/input]")
    parser.add_argument("--out", type=Path, help="folder of the results [default: results, beside this file]")
    options = parser.parse_args()
    wanted = options.cases.split(",")
    if unknown := set(wanted) - set(NAMES):
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    bench = Bench(options)
    runs = []
    try:
        bench.set_up()
        environment = report.environment(bench.binary, PACKAGES, sys.argv[1:])
        jobs = [bench.measure(case) for case in CASES if case.name in wanted]
        for run in (run for job in [*jobs, *([bench.ask()] if "queries" in wanted else [])] for run in job):
            runs.append(run)
            print(f"{run['case']:16} {run['engine']:11} {run['seconds']:8.3f} s {run['peak_rss_bytes'] >> 20:6} MiB"
                  f" {run['rows']:>9,} rows", file=sys.stderr, flush=True)
    except (Failed, subprocess.CalledProcessError) as failure:
        sys.exit(f"failed: {failure}")
    finally:
        bench.clear()
    report.write(bench.results, runs, bench.counts, environment)


if __name__ == "__main__":
    main()
