"""The data of one table, as frozen values. SI units; table frame: z up, origin on the floor.

The origin is on the floor below the middle of the top; +x points away from the robot that works at
the table and y to the robot's left. The top surface is horizontal, at z = ``height``.
"""

from __future__ import annotations

from dataclasses import dataclass

from datafactory_assets.asset import Licence, Shape

Point = tuple[float, float]
Polygon = tuple[Point, ...]
Rgba = tuple[float, float, float, float]


@dataclass(frozen=True)
class TablePart:
    """One convex piece of a table beside its top: a leg, a door, a board.

    Attributes:
        shape: Box or cylinder, table frame.
        finish: What it is made of: ``wood``, ``painted``, ``laminate``, ``stone`` or ``metal``.
        rgba: Colour.
    """

    shape: Shape
    finish: str
    rgba: Rgba


@dataclass(frozen=True)
class TableInfo:
    """What is known of a table family before one is made.

    Attributes:
        name: Family name (``bistro_table``).
        category: Category noun.
        synonyms: Other nouns for it.
        top: Form of the top: ``rectangle``, ``rounded``, ``circle``, ``oval``, ``octagon`` or
            ``half_round``.
        finishes: What the top can be made of.
        description: One sentence.
        dimension_source: Where the dimension priors come from.
    """

    name: str
    category: str
    synonyms: tuple[str, ...]
    top: str
    finishes: tuple[str, ...]
    description: str
    dimension_source: str


@dataclass(frozen=True)
class TableAsset:
    """One table, as it is simulated, planned around and drawn.

    Attributes:
        uid: ``table/<family>@<first 8 hex of content_hash>``.
        family: Family name.
        seed: Instance seed within the family.
        height: z of the top surface, metres; the legs are as long as that asks for.
        params_json: The drawn parameters as canonical JSON.
        category: Category noun.
        colour: Colour word of the top.
        finish: What the top is made of.
        rgba: Colour of the top.
        outline: Convex outline of the top, counter-clockwise, table frame, metres.
        thickness: Of the top, metres.
        tops: Convex pieces whose union is the top, the first one a box; none overlap.
        parts: Everything else: frame, doors, boards above and behind.
        licence: Licence of the asset.
        content_hash: 64 hex digits over family, version, parameters and the geometry at 0.75 m.
    """

    uid: str
    family: str
    seed: int
    height: float
    params_json: str
    category: str
    colour: str
    finish: str
    rgba: Rgba
    outline: Polygon
    thickness: float
    tops: tuple[Shape, ...]
    parts: tuple[TablePart, ...]
    licence: Licence
    content_hash: str

    @property
    def half_extents(self) -> tuple[float, float]:
        """Half sides of the bounding rectangle of the top, metres."""
        return (max(abs(x) for x, _ in self.outline), max(abs(y) for _, y in self.outline))
