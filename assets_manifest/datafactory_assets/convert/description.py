"""What a person says about an object file: everything a mesh cannot tell. Checked key by key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from typing import Any, Literal

from datafactory_assets.asset import Licence
from datafactory_assets.convert.parts import UP_AXES
from datafactory_assets.errors import AssetError, LicenceError
from datafactory_assets.families.materials import COLOURS, MATERIALS

UNITS_M = {"m": 1.0, "dm": 0.1, "cm": 0.01, "mm": 0.001, "in": 0.0254, "ft": 0.3048}
Split = Literal["", "train", "held_out"]
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_TEXTS = ("category", "name", "licence", "author", "source", "attribution", "description")
_WORDS = ("synonyms", "attributes")
_FLAGS = ("graspable", "container")
_POSITIVE = ("scale", "mass_kg", "density", "friction")
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "units": tuple(UNITS_M),
    "up": UP_AXES,
    "colour": tuple(COLOURS),
    "material": tuple(MATERIALS),
    "split": ("train", "held_out"),
}


@dataclass(frozen=True)
class Description:
    """What is said about one object; only the licence has to be.

    Attributes:
        licence: SPDX identifier.
        name: Name of the object, unique in its source; from the file's name when empty.
        category: Noun used in instructions; the name when empty.
        synonyms: Other nouns.
        description: One sentence.
        units: Unit of the file; URDF, MJCF and USD files say it themselves.
        scale: Further factor on every length.
        up: Axis of the file that points up; by the format when empty (y for glTF, else z).
        mass_kg: Measured mass; from density and volume when None.
        density: kg/m^3; the material's when None.
        material: Material name.
        friction: Sliding friction; the material's when None.
        colour: Colour word; from the file's colours when empty.
        graspable: A parallel gripper can lift it; from its size when None.
        container: It contains things; from its shape when None.
        attributes: Extra words for queries.
        split: ``train`` or ``held_out``; becomes an attribute word.
        author: Who made it.
        source: Where it came from.
        attribution: Text a redistributor must show.
    """

    licence: str
    name: str = ""
    category: str = ""
    synonyms: tuple[str, ...] = ()
    description: str = ""
    units: str = "m"
    scale: float = 1.0
    up: str = ""
    mass_kg: float | None = None
    density: float | None = None
    material: str = "plastic"
    friction: float | None = None
    colour: str = ""
    graspable: bool | None = None
    container: bool | None = None
    attributes: tuple[str, ...] = ()
    split: Split = ""
    author: str = "unknown"
    source: str = "local files"
    attribution: str = ""
    where: str = field(default="", compare=False)

    @property
    def spdx(self) -> Licence:
        """The licence as a value."""
        return Licence(self.licence, self.author, self.source, self.attribution)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready keys that differ from their defaults; where they were written stays out."""
        return {
            f.name: list(value) if isinstance(value, tuple) else value
            for f in fields(self)
            if f.name != "where" and (value := getattr(self, f.name)) != f.default
        }


def describe(keys: Mapping[str, Any], where: str) -> Description:
    """Checks the keys of one object.

    Args:
        keys: Plain data.
        where: File and place in it, for messages: ``objects.yaml: objects.mug.obj``.

    Raises:
        LicenceError: No licence is stated.
        AssetError: An unknown key or a value that cannot be.
    """
    known = [f.name for f in fields(Description) if f.name != "where"]
    for key in keys:
        if key not in known:
            close = get_close_matches(str(key), known, n=1, cutoff=0.5)
            raise AssetError(
                f"unknown key '{key}'",
                where=f"{where}.{key}",
                why="known keys: " + ", ".join(known),
                remedy=f"'{close[0]}'" if close else "remove it",
            )
    checked = {key: _value(key, value, f"{where}.{key}") for key, value in keys.items()}
    if not checked.get("licence"):
        raise LicenceError(
            "no licence is stated",
            where=f"{where}.licence",
            why="it travels into every dataset made with the object",
            remedy="add `licence:` with an SPDX identifier, such as CC0-1.0, CC-BY-4.0, or "
            "LicenceRef-proprietary for what stays in the house",
        )
    if checked.get("mass_kg") is not None and checked.get("density") is not None:
        raise AssetError("both mass_kg and density are given", where=where, remedy="drop one")
    return Description(**checked, where=where)


def _value(key: str, value: Any, where: str) -> Any:
    def refuse(remedy: str) -> AssetError:
        return AssetError(f"{key} cannot be {value!r}", where=where, remedy=remedy)

    if key in _CHOICES:
        if value in _CHOICES[key]:
            return value
        close = get_close_matches(str(value), _CHOICES[key], n=1, cutoff=0.6)
        raise refuse(f"'{close[0]}'" if close else "one of " + ", ".join(_CHOICES[key]))
    if key in _TEXTS:
        if isinstance(value, str) and value.strip():
            if key == "name" and not _NAME.match(value):
                raise refuse("lower case letters, digits and _; a letter first")
            return value.strip()
        raise refuse("a word or sentence")
    if key in _WORDS:
        words = (value,) if isinstance(value, str) else value
        if isinstance(words, list | tuple) and all(isinstance(w, str) and w for w in words):
            return tuple(words)
        raise refuse("a list of words")
    if key in _FLAGS:
        if isinstance(value, bool):
            return value
        raise refuse("true or false")
    if isinstance(value, int | float) and not isinstance(value, bool) and 0.0 < value < 1e6:
        return float(value)
    raise refuse("a number above 0")
