"""The table of built-in families in ``docs/families.md``.

``python -m benchmarks.family_table`` writes it anew, from the first 60 seeds of every family.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from datafactory_assets import FamilyInfo, RigidAsset, SeededSource, Tier0, Tier1
from datafactory_assets.families.patterns import pattern_of

PAGE = Path(__file__).parents[1] / "docs" / "families.md"
SEEDS = 60
HEAD = (
    "| family (category) | C G S P | width x depth x height, mm | mass, kg | material |",
    "| --- | --- | --- | --- | --- |",
)


def flags(source: SeededSource, info: FamilyInfo) -> str:
    """``C G S P`` with a dash for what does not hold."""
    first = source.make(info.name, 0)
    holds = (info.container, info.graspable, info.supports, bool(pattern_of(first.attributes)))
    return " ".join(word if yes else "-" for word, yes in zip("CGSP", holds, strict=True))


def row(source: SeededSource, info: FamilyInfo) -> str:
    """One family as a row of the table."""
    assets = [source.make(info.name, seed) for seed in range(SEEDS)]
    same = info.category == info.name.replace("_", " ")
    name = f"`{info.name}`" + ("" if same else f" ({info.category})")
    cells = (name, flags(source, info), _sizes(assets), _masses(assets), ", ".join(info.materials))
    return "| " + " | ".join(cells) + " |"


def _sizes(assets: Sequence[RigidAsset]) -> str:
    sides = 1e3 * np.array([asset.extents for asset in assets])
    low, high = sides.min(axis=0), sides.max(axis=0)
    return " x ".join(f"{a:.0f}-{b:.0f}" for a, b in zip(low, high, strict=True))


def _masses(assets: Sequence[RigidAsset]) -> str:
    masses = [asset.mass for asset in assets]
    return f"{min(masses):.2g}-{max(masses):.2g}"


def main() -> None:
    """Replaces the table in the page."""
    text = PAGE.read_text(encoding="utf-8")
    for source in (Tier0(), Tier1()):
        begin, end = f"<!-- {source.name} -->\n", f"<!-- end of {source.name} -->"
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        rows = [row(source, info) for info in source.families()]
        text = before + begin + "\n" + "\n".join((*HEAD, *rows)) + "\n\n" + end + after
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
