"""Plain text for people: tables, durations, sizes, shares."""

from __future__ import annotations

import re
from collections.abc import Sequence

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def table(rows: Sequence[Sequence[object]], header: Sequence[str] = (), indent: str = "") -> str:
    """Left-aligned columns; columns of numbers are right-aligned. Empty for no rows."""
    cells = [[str(cell) for cell in row] for row in rows]
    if not cells:
        return ""
    lines = [list(header), *cells] if header else cells
    widths = [max(_width(line[i]) for line in lines) for i in range(len(lines[0]))]
    right = [all(_numeric(row[i]) for row in cells) for i in range(len(widths))]
    out = []
    for line in lines:
        parts = [
            _pad(cell, width) + cell if flush else cell + _pad(cell, width)
            for cell, width, flush in zip(line, widths, right, strict=True)
        ]
        out.append((indent + "  ".join(parts)).rstrip())
    if header:
        out.insert(1, indent + "  ".join("-" * width for width in widths))
    return "\n".join(out)


def _width(cell: str) -> int:
    """Columns a cell takes on a terminal; colours take none."""
    return len(_COLOUR.sub("", cell))


def _pad(cell: str, width: int) -> str:
    return " " * (width - _width(cell))


def _numeric(cell: str) -> bool:
    bare = cell.replace(",", "").rstrip("%").strip()
    return not bare or bare.lstrip("+-").replace(".", "", 1).replace("e-", "", 1).isdigit()


def duration(seconds: float) -> str:
    """``4.2s``, ``3m05s``, ``7h51m``, ``3d04h``."""
    if seconds != seconds or seconds == float("inf"):
        return "?"
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02d}s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours}h{minutes:02d}m"
    return f"{hours // 24}d{hours % 24:02d}h"


def size(count: float) -> str:
    """``812 B``, ``74.1 KB``, ``19.5 GB`` (powers of 1000)."""
    for unit in ("B", "KB", "MB", "GB"):
        if abs(count) < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def share(part: float, whole: float) -> str:
    """``91.3%``; ``-`` of nothing."""
    return f"{100 * part / whole:.1f}%" if whole else "-"


def shares(parts: Sequence[int]) -> list[str]:
    """Percentages with one decimal that add up to exactly 100.0.

    The first part is rounded as anywhere else; the others take what is left by largest remainders.
    """
    whole = sum(parts)
    if not whole:
        return ["-" for _ in parts]
    exact = [1000 * part / whole for part in parts]
    fixed = [round(10 * float(share(parts[0], whole).rstrip("%")))]
    fixed += [int(value) for value in exact[1:]]
    order = sorted(range(1, len(parts)), key=lambda i: fixed[i] - exact[i])
    for i in order[: 1000 - sum(fixed)]:
        fixed[i] += 1
    return [f"{value / 10:.1f}%" for value in fixed]
