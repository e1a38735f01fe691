"""``datafactory stats``: what is in a dataset, by cause and by factor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from datafactory_cli.session import Session, command
from datafactory_cli.text import duration, share, shares, table

if TYPE_CHECKING:
    from datafactory.statistics import Coverage, Statistics

SHADES = " .:-=+*#%@"
TITLES = {
    "goal": "goal relation", "family": "object family", "distractors": "distractors",
    "robot": "robot", "wording": "wording",
}  # fmt: skip


def register(app: typer.Typer) -> None:
    """Adds the command."""
    command(app, "stats")(stats)


def stats(
    session: Session,
    folder: Annotated[str, typer.Argument(metavar="DIR", help="Dataset.")],
    png: Annotated[Path | None, typer.Option("--png", help="Write workspace heat maps.")] = None,
    at: Annotated[str | None, typer.Option("--at", help="Version number or tag.")] = None,
) -> None:
    """Yield by reason and factor, lengths, CPU, coverage."""
    from datafactory.statistics import collect
    from datafactory.store.dataset import open_dataset

    version = int(at) if at is not None and at.isdigit() else at
    dataset = open_dataset(folder, version)
    found = collect(dataset)
    kinds = {run.kind for run in dataset.runs()} - {"render"}
    data = {**to_data(found), "imported": kinds == {"import"}}
    if png is not None:
        _write_maps(found.coverage, folder, png)
        data["picture"] = str(png)
    parts = _parts(found, png, imported=data["imported"])
    session.result(data, "\n\n".join(part for part in parts if part))


def to_data(found: Statistics) -> dict[str, Any]:
    """Statistics as JSON-ready data."""
    seconds = found.seconds
    return {
        "accepted": found.accepted,
        "rejected": found.rejected,
        "attempted": found.attempted,
        "yield": found.accepted / found.attempted if found.attempted else None,
        "reasons": [
            {"stage": stage, "reason": reason, "count": count}
            for (stage, reason), count in found.reasons.items()
        ],
        "factors": {
            factor: {group: {"accepted": t.accepted, "attempted": t.attempted}
                     for group, t in groups.items()}
            for factor, groups in found.factors.items()
        },
        "frames": found.frames,
        "seconds": None if seconds is None else vars(seconds),
        "cpu_s": dict(found.cpu_s),
        "cpu_over_mj_step": found.cpu_over_step,
        "coverage": None if found.coverage is None else vars(found.coverage),
    }  # fmt: skip


def _parts(found: Statistics, png: Path | None, *, imported: bool) -> list[str]:
    head = [
        ("accepted", f"{found.accepted:,}"),
        ("attempted", f"{found.attempted:,}"),
        ("yield", share(found.accepted, found.attempted)),
        ("frames", f"{found.frames:,}"),
    ]
    if imported:  # nothing was attempted here, so nothing has a yield
        head = [("imported, not verified", f"{found.accepted:,}"), head[-1]]
    if found.seconds is not None:
        s = found.seconds
        head.append(("episode length", f"median {s.median:.2f} s, {s.low:.2f} to {s.high:.2f} s, "
                                       f"95 % under {s.p95:.2f} s"))  # fmt: skip
    parts = [table(head)]
    if not imported:
        parts.append(reason_table(found.accepted, found.reasons))
    for factor, groups in () if imported else found.factors.items():
        if len(groups) > 1 or factor in ("goal", "robot"):
            rows = [
                (name, f"{t.accepted:,}", f"{t.attempted:,}", share(t.accepted, t.attempted))
                for name, t in list(groups.items())[:20]
            ]
            parts.append(table(rows, (TITLES[factor], "accepted", "attempted", "yield")))
            if len(groups) > 20:
                parts.append(f"and {len(groups) - 20} more (see --json)")
    parts.append(_cpu(found))
    if found.coverage is not None:
        parts.append(_heat_map(found.coverage))
    if png is not None:
        parts.append(f"picture: {png}")
    return parts


def reason_table(accepted: int, reasons: Any) -> str:
    """Where attempts ended, accepted ones included; the shares add up to exactly 100 %."""
    counts = [accepted, *reasons.values()]
    labels = [("accepted", ""), *((reason, stage) for stage, reason in reasons)]
    percent = shares(counts)
    rows = [
        (reason, stage, f"{count:,}", part)
        for (reason, stage), count, part in zip(labels, counts, percent, strict=True)
    ]
    return table(rows, ("outcome", "stage", "attempts", "share")) if sum(counts) else ""


def _cpu(found: Statistics) -> str:
    from datafactory.statistics import cpu_total

    if not found.cpu_s:
        return ""
    total = cpu_total(found.cpu_s)
    rows = [
        (name + (" (inside the others)" if name == "mj_step" else ""), duration(value),
         f"{1000 * value / max(found.attempted, 1):.1f}", share(value, total))
        for name, value in sorted(found.cpu_s.items(), key=lambda item: -item[1])
        if name != "total"
    ]  # fmt: skip
    text = table(rows, ("CPU", "total", "ms/attempt", "share"))
    per_episode = total / found.accepted if found.accepted else float("nan")
    text += f"\n{duration(total)} CPU in all, {per_episode:.3f} s per accepted episode"
    ratio = found.cpu_over_step
    return text + (f", {ratio:.2f} x mj_step" if ratio is not None else "")


def _heat_map(coverage: Coverage) -> str:
    """Start positions from above: away from the robot is up, its left is on the left."""
    most = coverage.start.max() or 1
    lines = ["where manipulated objects start (x up, y to the left, "
             f"{100 * float((coverage.start > 0).mean()):.0f} % of cells)"]  # fmt: skip
    nx, ny = coverage.start.shape
    for i in range(nx - 1, -1, -1):
        x = coverage.x[0] + (coverage.x[1] - coverage.x[0]) * (i + 0.5) / nx
        cells = [
            SHADES[min(int(coverage.start[i, j] / most * (len(SHADES) - 1) + 0.999), 9)] * 2
            for j in range(ny - 1, -1, -1)
        ]
        lines.append(f"{x:6.2f} |{''.join(cells)}|")
    left, right = f"{coverage.y[1]:.2f}", f"{coverage.y[0]:.2f}"
    lines.append(f"   y {left}{' ' * max(1, 2 * ny + 3 - len(left) - len(right))}{right}")
    return "\n".join(lines)


def _write_maps(coverage: Coverage | None, folder: str, target: Path) -> None:
    from datafactory.errors import DatasetError
    from datafactory.picture import coverage_picture

    if coverage is None:
        raise DatasetError("there is no accepted episode yet", where=folder)
    maps = [("start positions", coverage.start), ("end positions", coverage.end)]
    target.parent.mkdir(parents=True, exist_ok=True)
    coverage_picture(maps, coverage.x, coverage.y, f"Where manipulated objects are: {folder}").save(
        target
    )
