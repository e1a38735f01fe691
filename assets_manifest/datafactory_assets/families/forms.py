"""Forms that many families share: flat packages, round standing things, things that lie."""

from __future__ import annotations

from collections.abc import Sequence

from datafactory_assets.asset import Shape, StablePose
from datafactory_assets.families.language import Form, Params
from datafactory_assets.families.materials import COLOURS, CREAM, Rgba
from datafactory_assets.families.pieces import UPRIGHT, box, box_poses, rectangle, slices, top
from datafactory_assets.families.solids import Prism, Revolve, Solid
from datafactory_assets.source import FamilyInfo

ONE_POSE = (StablePose(UPRIGHT, 0.0, 1.0, "upright"),)
LIES = (StablePose(UPRIGHT, 0.0, 1.0, "lying"),)

_ACCENTS = ("red", "yellow", "blue", "green", "orange", "white", "black", "purple", "teal", "pink")


def describe(
    name: str,
    synonyms: tuple[str, ...],
    description: str,
    dimension_source: str,
    materials: tuple[str, ...],
    *,
    container: bool = False,
    graspable: bool = True,
    supports: bool = False,
) -> FamilyInfo:
    """What is known of a family; its category is its name in words."""
    return FamilyInfo(
        name,
        name.replace("_", " "),
        synonyms,
        container=container,
        graspable=graspable,
        supports=supports,
        description=description,
        dimension_source=dimension_source,
        materials=materials,
    )


def accent(params: Params) -> Rgba:
    """A second colour that is not the main one, from the drawn number ``accent`` in [0, 1)."""
    others = [word for word in _ACCENTS if word != params.colour]
    return COLOURS[others[int(params.size["accent"] * len(others))]]


def brick(
    half: tuple[float, float, float],
    solids: tuple[Solid, ...],
    grip: float | None,
    attributes: tuple[str, ...] = ("flat",),
    *,
    supports: bool = True,
) -> Form:
    """One collision box standing on z = 0, with a support surface on top if it supports."""
    a, b, c = half
    return Form(
        solids=solids,
        shapes=(box(half, (0.0, 0.0, c)),),
        poses=box_poses(half),
        surfaces=(top(rectangle(a, b), 2.0 * c),) if supports else (),
        symmetry="box",
        grip=grip,
        attributes=attributes,
    )


def standing(
    solids: tuple[Solid, ...],
    profile: Sequence[tuple[float, float]],
    heights: Sequence[float],
    attributes: tuple[str, ...] = ("rolls",),
) -> Form:
    """A round thing that stands on z = 0: cylinders around its profile between heights.

    Args:
        solids: True solids.
        profile: ((r, z), ...) of the whole thing, z rising, metres.
        heights: Where one cylinder ends and the next begins, metres.
        attributes: Attribute words.
    """
    return Form(
        solids=solids,
        shapes=slices(profile, heights),
        poses=ONE_POSE,
        symmetry="z",
        grip=2.0 * max(r for r, _ in profile),
        attributes=attributes,
    )


def lying(
    solids: tuple[Solid, ...],
    shapes: tuple[Shape, ...],
    grip: float | None,
    attributes: tuple[str, ...] = ("lies_along_x",),
) -> Form:
    """A thing that lies along x on z = 0 and only there."""
    return Form(
        solids=solids,
        shapes=shapes,
        poses=LIES,
        symmetry="none",
        grip=grip,
        attributes=attributes,
    )


def turned(
    profile: Sequence[tuple[float, float]], rgba: Rgba, z: float, part: str = "body"
) -> Revolve:
    """Solid of revolution along x with its axis at height z; ((r, x), ...) metres."""
    return Revolve(tuple(profile), rgba, part, axis="x", origin=(0.0, 0.0, z))


def block(
    half: tuple[float, float, float],
    centre: tuple[float, float, float],
    rgba: Rgba,
    part: str = "body",
) -> Prism:
    """Sharp-edged box: twelve faces, for details and edges that need no rounding, metres."""
    x, y, z = centre
    return Prism(rectangle(half[0], half[1]), z - half[2], z + half[2], rgba, part,
                 origin=(x, y, 0.0))  # fmt: skip


def label(params: Params) -> Rgba:
    """Colour of a printed band that stands out from the main colour."""
    return (0.16, 0.34, 0.60, 1.0) if params.colour == "white" else CREAM
