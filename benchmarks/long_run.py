"""Runs ``datafactory generate`` and samples progress, memory and disk: is a long run flat?

python -m benchmarks.long_run long.csv --task pick_place --n 20000 --out data/long

Everything after the CSV file is passed on. One row per minute: seconds since the start, accepted
and attempted so far, accepted per second since the row before, resident memory of the coordinator,
largest and total resident memory of its workers, and the dataset's size, all in MB.
"""

import csv
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from datafactory.probe import folder_bytes

EVERY_S = 60.0
COLUMNS = ("s", "accepted", "attempted", "per_s", "coordinator_mb", "worker_mb", "workers_mb",
           "disk_mb")  # fmt: skip


def resident_mb(pid: int) -> float:
    """Resident memory of a process; 0 when it is gone."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    lines = [line for line in text.splitlines() if line.startswith("VmRSS:")]
    return int(lines[0].split()[1]) / 1024 if lines else 0.0


def descendants(pid: int) -> Iterator[int]:
    """All processes started by a process, directly or not."""
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(child) for child in file.read_text().split()]
        except OSError:
            continue
        for child in children:
            yield child
            yield from descendants(child)


def sample(pid: int, folder: Path, counts: dict[str, int]) -> list[float]:
    """Counts, memory of coordinator and workers, and disk, in the order of ``COLUMNS``."""
    workers = [resident_mb(child) for child in descendants(pid)]
    disk = folder_bytes(folder) / 1e6 if folder.exists() else 0.0
    memory = [resident_mb(pid), max(workers, default=0.0), sum(workers)]
    return [counts["accepted"], counts["attempted"], *memory, disk]


def main(target: str, arguments: list[str]) -> int:
    folder = Path(arguments[arguments.index("--out") + 1])
    command = [
        str(Path(sys.executable).parent / "datafactory"),
        "generate",
        *arguments,
        "--json",
        "-q",
    ]
    counts = {"accepted": 0, "attempted": 0}
    begin = before = time.monotonic()
    known = 0
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def listen() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            event = json.loads(line)
            counts.update({name: event[name] for name in counts if name in event})

    listener = threading.Thread(target=listen)
    listener.start()
    with Path(target).open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        while listener.is_alive():
            listener.join(EVERY_S)
            accepted, attempted, *rest = sample(process.pid, folder, counts)
            now = time.monotonic()
            rate = (accepted - known) / (now - before)
            row = [now - begin, accepted, attempted, rate, *rest]
            writer.writerow([f"{value:.6g}" for value in row])
            before, known = now, accepted
            stream.flush()
    return process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
