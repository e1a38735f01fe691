"""The table of yields in ``docs/yields.md``.

``datafactory bench families --n 12 --workers 2 --json > yields.json`` measures,
``python -m benchmarks.family_yields yields.json`` writes the table anew.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from datafactory.family_yield import WEAK

PAGE = Path(__file__).parents[1] / "docs" / "yields.md"
BEGIN, END = "<!-- yields -->\n", "<!-- end of yields -->"
HEAD = (
    "| family | source | goal | accepted | most frequent reason |",
    "| --- | --- | --- | --- | --- |",
)


def row(found: Mapping[str, Any]) -> str:
    """One family as a row of the table."""
    reason, count = next(iter(found["reasons"].items()), ("", ""))
    why = f"`{reason}` {count}" if reason else ""
    accepted = f"{found['accepted']} of {found['attempts']}"
    goal = found["goal"].replace("_", " ")
    return f"| `{found['family']}` | {found['source']} | {goal} | {accepted} | {why} |"


def table(families: Sequence[Mapping[str, Any]]) -> str:
    """The table, and why some families are below the bar."""
    reasons = [f"- `{family}`: {why}." for family, why in WEAK.items()]
    return "\n".join(("", *HEAD, *map(row, families), "", "Below 50 %:", "", *reasons, "", ""))


def main(path: str) -> None:
    """Replaces the table in the page by what a file of results says."""
    families = json.loads(Path(path).read_text(encoding="utf-8"))["families"]
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(before + BEGIN + table(families) + END + after, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
