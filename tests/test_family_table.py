"""The pages about families: their table says what the families say, and their commands run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.family_table import PAGE, SEEDS, flags, row
from datafactory_assets.families import SeededSource, Tier0, Tier1

ROOT = Path(__file__).parents[1]
SOURCES = (Tier0(), Tier1())


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_the_table_lists_every_family(source: SeededSource) -> None:
    """Write it anew with ``python -m benchmarks.family_table``."""
    text = PAGE.read_text(encoding="utf-8")
    table = text.partition(f"<!-- {source.name} -->")[2].partition("<!-- end of")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| `")]
    said = {cells[0].split("`")[1]: (cells[1], cells[4]) for cells in rows}
    assert said == {
        info.name: (flags(source, info), ", ".join(info.materials)) for info in source.families()
    }


def test_a_row_is_measured() -> None:
    source = Tier0()
    info = next(i for i in source.families() if i.name == "mug")
    heights = [1e3 * source.make("mug", seed).extents[2] for seed in range(SEEDS)]
    assert f" x {min(heights):.0f}-{max(heights):.0f} | " in row(source, info)


def test_the_family_of_the_page_conforms(tmp_path: Path) -> None:
    text = (ROOT / "docs/add_family.md").read_text(encoding="utf-8")
    module, check = (
        text.partition(mark + "\n```python\n")[2].partition("```")[0]
        for mark in ("<!-- file: spools.py -->", "<!-- run -->")
    )
    (tmp_path / "spools.py").write_text(module)
    (tmp_path / "check.py").write_text(check)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "check.py"], cwd=tmp_path, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
