"""Typed answers. Coordinates are whole pixels of the resized image, (0, 0) its top left pixel."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LABEL = re.compile(r"[^\W\d_][^\s\[\]();]*( [^\s\[\]();]+)*")
_WORDS = re.compile(r"[a-z0-9]+( [a-z0-9]+)*")
_STEP = re.compile(r"[^\W\d_](.*\S)?")


def is_label(text: str) -> bool:
    """Whether every form of an answer can carry a text as the label of a box or point."""
    return text.isprintable() and _LABEL.fullmatch(text) is not None


def _check(pattern: re.Pattern[str], text: str, what: str) -> None:
    if not text.isprintable() or not pattern.fullmatch(text):
        raise ValueError(f"{text!r} is no {what}")


@dataclass(frozen=True)
class Box:
    """A box with its edges at left, top, right and bottom: right and bottom lie behind the last
    pixel. A label starts with a letter and has neither brackets nor semicolons.
    """

    label: str
    left: int
    top: int
    right: int
    bottom: int

    def __post_init__(self) -> None:
        _check(_LABEL, self.label, "label")
        if not (0 <= self.left < self.right and 0 <= self.top < self.bottom):
            raise ValueError(f"{self.edges} is no box: edges are left, top, right, bottom")

    @property
    def edges(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom."""
        return (self.left, self.top, self.right, self.bottom)


@dataclass(frozen=True)
class Point:
    """A pixel that shows what the label says."""

    label: str
    x: int
    y: int

    def __post_init__(self) -> None:
        _check(_LABEL, self.label, "label")
        _check_pixel(self.x, self.y)


def _check_pixel(x: int, y: int) -> None:
    if x < 0 or y < 0:
        raise ValueError(f"({x}, {y}) is no pixel")


@dataclass(frozen=True)
class Boxes:
    """One or more boxes."""

    boxes: tuple[Box, ...]

    def __post_init__(self) -> None:
        _check_some(self.boxes, "box")


@dataclass(frozen=True)
class PickPlace:
    """What to pick up and where to put it; the boxes are labelled ``pick`` and ``place``."""

    pick: Box
    place: Box

    def __post_init__(self) -> None:
        if (self.pick.label, self.place.label) != ("pick", "place"):
            raise ValueError("the boxes of a pick and place are labelled 'pick' and 'place'")


@dataclass(frozen=True)
class Points:
    """One or more points."""

    points: tuple[Point, ...]

    def __post_init__(self) -> None:
        _check_some(self.points, "point")


@dataclass(frozen=True)
class Trace:
    """A path as two or more (x, y) pixels, in order."""

    points: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        if len(self.points) < 2:
            raise ValueError("a trace has at least two points")
        for x, y in self.points:
            _check_pixel(x, y)


@dataclass(frozen=True)
class Plan:
    """One or more steps in order, each a phrase on one line that starts with a letter."""

    steps: tuple[str, ...]

    def __post_init__(self) -> None:
        _check_some(self.steps, "step")
        for step in self.steps:
            _check(_STEP, step, "step")


@dataclass(frozen=True)
class Words:
    """A short answer in lower-case words and digits: ``yes``, ``no``, ``3``."""

    text: str

    def __post_init__(self) -> None:
        _check(_WORDS, self.text, "short answer")


def _check_some(items: tuple[object, ...], what: str) -> None:
    if not items:
        raise ValueError(f"at least one {what} is needed")


Answer = Boxes | PickPlace | Points | Trace | Plan | Words

KINDS: dict[str, type[Answer]] = {
    "box": Boxes,
    "pick_place": PickPlace,
    "point": Points,
    "affordance": Points,
    "trajectory": Trace,
    "place_region": Boxes,
    "plan": Plan,
    "count": Words,
    "relation": Words,
    "visibility": Words,
}
"""Kinds of questions and what answers them."""
