"""The texture library: families, their instances by name, and the seen/unseen split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from datafactory.errors import SpecError, UnknownNameError
from datafactory.render.split import split_of
from datafactory.render.textures import coating, fabric, label_forms, masonry, stone, wood
from datafactory.render.textures.swatch import Draw, swatch

KINDS = ("table", "floor", "wall", "object", "cloth", "label")
"""What a texture can be put on. Object textures suit any rigid thing; cloth covers a table."""

INSTANCES = 60
MIN_SIZE = 8


@dataclass(frozen=True)
class Texture:
    """A drawn texture. It wraps at its edges, except for labels, which wrap around only.

    Attributes:
        name: ``"<family>/<3 digits>"``.
        image: (size, size, 3) uint8 sRGB; row 0 is v = 1 (top).
        repeat_m: Metres of surface one tile covers; 0.0 is stretched once over the surface.
        gloss: 0 matte .. 1 mirror-like.
        split: ``"seen"`` or ``"unseen"``.
    """

    name: str
    image: NDArray[np.uint8]
    repeat_m: float
    gloss: float
    split: str


@dataclass(frozen=True)
class Family:
    """Textures drawn by one function, differing in colours, sizes and layout.

    Attributes:
        name: Family name.
        kinds: What it suits, out of ``KINDS``.
        count: Number of instances.
        description: One line.
        draw: Draws an instance.
        aspect: Width over height of the surface that a label's square image is stretched over;
            1 for tiles.
    """

    name: str
    kinds: tuple[str, ...]
    count: int
    description: str
    draw: Draw
    aspect: float = 1.0

    def names(self) -> tuple[str, ...]:
        """Names of all instances in order."""
        return tuple(f"{self.name}/{index:03d}" for index in range(self.count))


def _family(name: str, kinds: str, draw: Draw) -> Family:
    line = (draw.__doc__ or "").strip().splitlines()[0]
    return Family(name, tuple(kinds.split()), INSTANCES, line, draw)


_MATERIALS = (
    _family("wood_planks", "table floor wall", wood.planks),
    _family("wood_veneer", "table wall object", wood.veneer),
    _family("butcher_block", "table object", wood.butcher_block),
    _family("parquet", "floor", wood.parquet),
    _family("granite", "table floor", stone.granite),
    _family("marble", "table floor wall object", stone.marble),
    _family("terrazzo", "table floor", stone.terrazzo),
    _family("concrete", "table floor wall", stone.concrete),
    _family("plaster", "wall", stone.plaster),
    _family("slate", "table floor", stone.slate),
    _family("ceramic_tile", "floor wall", masonry.ceramic_tile),
    _family("checker_tile", "floor", masonry.checker_tile),
    _family("hex_tile", "floor wall", masonry.hex_tile),
    _family("mosaic", "table wall", masonry.mosaic),
    _family("pattern_tile", "floor wall object", masonry.pattern_tile),
    _family("brick", "wall", masonry.brick),
    _family("linen", "table cloth object", fabric.linen),
    _family("denim", "table cloth object", fabric.denim),
    _family("carpet", "floor", fabric.carpet),
    _family("stripes", "table cloth object", fabric.stripes),
    _family("plaid", "table cloth object", fabric.plaid),
    _family("dots", "table cloth object", fabric.dots),
    _family("tweed", "cloth", fabric.tweed),
    _family("knit", "cloth object", fabric.knit),
    _family("cork", "table floor object", coating.cork),
    _family("leather", "table object cloth", coating.leather),
    _family("brushed_metal", "table object", coating.brushed_metal),
    _family("painted_wall", "wall", coating.painted_wall),
    _family("wallpaper", "wall", coating.wallpaper),
    _family("laminate", "table floor object", coating.laminate),
    _family("cardboard", "object", coating.cardboard),
    _family("stoneware", "object", coating.stoneware),
    _family("moulded", "object", coating.moulded),
)
_LABELS = tuple(
    Family(f.name, ("label",), label_forms.LABELS_PER_FORM, f.description, f.draw, f.aspect)
    for f in label_forms.FORMS
)

FAMILIES: Mapping[str, Family] = MappingProxyType({f.name: f for f in (*_MATERIALS, *_LABELS)})
"""Every family by name."""


def texture_names(kind: str | None = None, split: str | None = None) -> tuple[str, ...]:
    """Names of the textures that suit a kind of surface and belong to a split.

    Args:
        kind: One of ``KINDS``, or None for every kind.
        split: ``"seen"``, ``"unseen"``, or None for both.

    Raises:
        UnknownNameError: There is no such kind or split.
    """
    if kind is not None and kind not in KINDS:
        raise UnknownNameError.of("texture kind", kind, KINDS)
    if split is not None and split not in ("seen", "unseen"):
        raise UnknownNameError.of("texture split", split, ("seen", "unseen"))
    return _names(kind, split)


@lru_cache(maxsize=64)
def _names(kind: str | None, split: str | None) -> tuple[str, ...]:
    return tuple(
        name
        for family in FAMILIES.values()
        if kind is None or kind in family.kinds
        for index, name in enumerate(family.names())
        if split is None or split_of(f"texture/{family.name}", index) == split
    )


@lru_cache(maxsize=128)
def texture(name: str, size: int = 256) -> Texture:
    """Draws a texture, a pure function of its arguments.

    Args:
        name: ``"<family>/<3 digits>"``, one of ``texture_names()``, or a user's file; see
            ``render.own_files``.
        size: Pixels along an edge, at least 8. Sizes differ in sharpness, not in what is drawn.

    Returns:
        The texture; its image is read-only, since calls share it.

    Raises:
        UnknownNameError: There is no such texture.
        SpecError: The size is too small.
    """
    if size < MIN_SIZE:
        raise SpecError(f"cannot draw a texture of {size} pixels", why=f"at least {MIN_SIZE}")
    if name.startswith("local:"):
        from datafactory.render.own_files import read_texture

        return read_texture(name, size)
    family_name, _, number = name.partition("/")
    family = FAMILIES.get(family_name)
    if family is None:
        raise UnknownNameError.of("texture", name, [f"{known}/000" for known in FAMILIES])
    if name not in family.names():
        raise UnknownNameError.of("texture", name, family.names())
    index = int(number)
    draft = family.draw(swatch(family.name, index, size))
    planes = (np.clip(draft.image, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
    image = np.ascontiguousarray(planes.transpose(1, 2, 0))
    image.flags.writeable = False
    split = split_of(f"texture/{family.name}", index)
    return Texture(name, image, round(draft.repeat_m, 3), round(draft.gloss, 3), split)
