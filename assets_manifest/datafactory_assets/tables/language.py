"""How a table family is written: draw parameters from a seed, build the parts for a height."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from datafactory_assets.families.language import LICENCE, Draw
from datafactory_assets.tables.asset import Polygon, Rgba, TableAsset, TableInfo, TablePart
from datafactory_assets.tables.outlines import pieces

NOMINAL_HEIGHT_M = 0.75

FINISHES: dict[str, tuple[tuple[str, Rgba], ...]] = {
    "wood": (
        ("brown", (0.72, 0.54, 0.35, 1.0)),
        ("brown", (0.40, 0.27, 0.17, 1.0)),
        ("brown", (0.83, 0.68, 0.48, 1.0)),
        ("brown", (0.56, 0.33, 0.20, 1.0)),
        ("white", (0.86, 0.80, 0.68, 1.0)),
    ),
    "painted": (
        ("white", (0.90, 0.89, 0.86, 1.0)),
        ("grey", (0.50, 0.52, 0.54, 1.0)),
        ("green", (0.36, 0.50, 0.42, 1.0)),
        ("blue", (0.28, 0.40, 0.55, 1.0)),
        ("red", (0.60, 0.22, 0.18, 1.0)),
        ("black", (0.14, 0.14, 0.15, 1.0)),
    ),
    "laminate": (
        ("white", (0.88, 0.88, 0.86, 1.0)),
        ("grey", (0.62, 0.63, 0.64, 1.0)),
        ("black", (0.18, 0.18, 0.19, 1.0)),
        ("teal", (0.45, 0.62, 0.62, 1.0)),
        ("yellow", (0.85, 0.76, 0.50, 1.0)),
    ),
    "stone": (
        ("white", (0.84, 0.83, 0.81, 1.0)),
        ("grey", (0.45, 0.45, 0.46, 1.0)),
        ("black", (0.16, 0.16, 0.17, 1.0)),
        ("brown", (0.55, 0.45, 0.38, 1.0)),
    ),
    "metal": (
        ("grey", (0.66, 0.67, 0.69, 1.0)),
        ("grey", (0.55, 0.56, 0.58, 1.0)),
    ),
}
"""Finishes of tops and frames, each in a few colours."""


@dataclass(frozen=True, slots=True)
class TableParams:
    """What tells one table of a family from another.

    Attributes:
        top: (finish, colour word, rgba) of the top.
        frame: The same of what carries it.
        size: Dimensions, metres.
    """

    top: tuple[str, str, Rgba]
    frame: tuple[str, str, Rgba]
    size: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> str:
        """Canonical JSON."""
        data = {"frame": self.frame, "size": self.size, "top": self.top}
        return json.dumps(data, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class TableForm:
    """The geometry of one table, table frame.

    Attributes:
        outline: Of the top: convex, counter-clockwise, mirrored at the x axis, metres.
        thickness: Of the top, metres.
        parts: Everything else.
    """

    outline: Polygon
    thickness: float
    parts: tuple[TablePart, ...]


@dataclass(frozen=True)
class TableFamily:
    """A seeded table family.

    Attributes:
        info: Name, category and the like.
        draw: Draws the parameters of an instance.
        build: Makes the form for parameters and a height of the top, metres; pure.
        version: Raised whenever the same seed would give a different table.
    """

    info: TableInfo
    draw: Callable[[Draw], TableParams]
    build: Callable[[TableParams, float], TableForm]
    version: int = 1


def drawn(
    draw: Draw, tops: tuple[str, ...], frames: tuple[str, ...], **size: float
) -> TableParams:
    """Adds finishes, in colours varied a little, to drawn dimensions in metres."""
    return TableParams(_finish(draw, tops), _finish(draw, frames), size)


def _finish(draw: Draw, finishes: tuple[str, ...]) -> tuple[str, str, Rgba]:
    finish = draw.choice(finishes)
    tones = FINISHES[finish]
    colour, (r, g, b, a) = tones[int(draw.uniform(0.0, 1.0) * len(tones))]
    shift = draw.uniform(-0.04, 0.04)
    r, g, b = (round(min(1.0, max(0.0, v + shift)), 4) for v in (r, g, b))
    return finish, colour, (r, g, b, a)


def assemble(family: TableFamily, seed: int, height: float) -> TableAsset:
    """Makes the table of one seed of a family, its top at a height in metres."""
    name = family.info.name
    params = family.draw(Draw(f"table/{name}", seed))
    form = family.build(params, height)
    digest = _content_hash(family, params)
    finish, colour, rgba = params.top
    return TableAsset(
        uid=f"table/{name}@{digest[:8]}",
        family=name,
        seed=seed,
        height=height,
        params_json=params.to_json(),
        category=family.info.category,
        colour=colour,
        finish=finish,
        rgba=rgba,
        outline=form.outline,
        thickness=form.thickness,
        tops=pieces(form.outline, height, form.thickness),
        parts=form.parts,
        licence=LICENCE,
        content_hash=digest,
    )


def _content_hash(family: TableFamily, params: TableParams) -> str:
    """Over what a table is; geometry in nanometres, as for objects."""
    form = family.build(params, NOMINAL_HEIGHT_M)
    words = [family.info.name, str(family.version), params.to_json()]
    numbers = [form.thickness, *(v for point in form.outline for v in point)]
    for part in form.parts:
        words += [part.shape.kind, part.finish]
        numbers += [*part.shape.size, *part.shape.position, *part.shape.quat]
    digest = hashlib.blake2b("\x1f".join(words).encode(), digest_size=32)
    digest.update(struct.pack(f"<{len(numbers)}q", *[round(1e9 * x) for x in numbers]))
    return digest.hexdigest()
