"""Cost of store and executor: attempts that do no physics, everything else real.

python -m benchmarks.store --n 1500 --workers 1
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

from datafactory.executor.coordinator import run_generation
from datafactory.executor.request import GenerateRequest
from tests.fake_attempts import REFERENCE, Fake, realistic

SPEC = realistic()
FEW = 2


def cpu() -> tuple[float, float]:
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime, children.ru_utime + children.ru_stime


def attempt_s(count: int = 200) -> float:
    maker = Fake().open(SPEC, 7)
    begin = time.process_time()
    for index in range(count):
        maker.attempt(index)
    return (time.process_time() - begin) / count


def measure(path: Path, n: int, workers: int) -> tuple[float, float, float, int]:
    before, begin = cpu(), time.perf_counter()
    request = GenerateRequest(str(path), REFERENCE, SPEC.to_dict(), 7, n, workers=workers)
    summary = run_generation(request)
    after = cpu()
    wall = time.perf_counter() - begin
    return after[0] - before[0], after[1] - before[1], wall, summary.attempted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=1500)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    each = attempt_s()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder) / "imports", FEW, options.workers)
        few = measure(Path(folder) / "few", FEW, options.workers)
        many = measure(Path(folder) / "many", options.n, options.workers)
        size = sum(p.stat().st_size for p in (Path(folder) / "many").rglob("*") if p.is_file())
    gained = options.n - FEW
    coordinator = (many[0] - few[0]) / gained
    worker = (many[1] - few[1] - each * (many[3] - few[3])) / gained
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"start to end of {FEW} episodes: {few[2]:.2f} s wall, {few[0] + few[1]:.2f} s CPU")
    kilobytes = size / options.n / 1024
    print(f"{options.n} episodes: {options.n / many[2]:.0f}/s, {kilobytes:.1f} KB each")
    print(f"CPU ms per accepted episode: worker {worker * 1e3:.2f}, "
          f"coordinator {coordinator * 1e3:.2f}; an attempt itself {each * 1e3:.2f}")  # fmt: skip
    print(f"coordinator peak memory {peak:.0f} MB")


if __name__ == "__main__":
    main()
