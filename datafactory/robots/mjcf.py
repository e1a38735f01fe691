"""Writing MJCF: every number the same way, every name with the robot's prefix."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence

PREFIX = "robot/"
Value = str | float | int | bool | Sequence[float]


def name(short: str) -> str:
    """Name in the MJCF document of a part of the robot."""
    return PREFIX + short


def text(value: Value) -> str:
    """Attribute text of a value; nine significant digits for numbers."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value:.9g}"
    return " ".join(f"{float(v):.9g}" for v in value)


def add(parent: ET.Element, tag: str, **attributes: Value) -> ET.Element:
    """Appends an element; a trailing underscore in a keyword is dropped (``class_``)."""
    return ET.SubElement(parent, tag, {k.rstrip("_"): text(v) for k, v in attributes.items()})


def document(model: str) -> ET.Element:
    """An empty MJCF document in radians."""
    root = ET.Element("mujoco", {"model": model})
    add(root, "compiler", angle="radian", autolimits=True)
    return root


def section(root: ET.Element, tag: str) -> ET.Element:
    """The document's section of that tag, made when it is not there."""
    found = root.find(tag)
    return add(root, tag) if found is None else found


def exclude(root: ET.Element, pairs: Iterable[tuple[str, str]]) -> None:
    """Adds contact excludes between body pairs, in order."""
    contact = section(root, "contact")
    for first, second in pairs:
        add(contact, "exclude", body1=first, body2=second)


def to_text(root: ET.Element) -> str:
    """The document as deterministic text."""
    ET.indent(root, space=" ")
    return ET.tostring(root, encoding="unicode") + "\n"
