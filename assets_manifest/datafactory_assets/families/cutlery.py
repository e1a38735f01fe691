"""Cutlery that lies along x, its head towards +x: spoon, fork, table knife."""

from __future__ import annotations

from datafactory_assets.families.forms import block, describe, lying
from datafactory_assets.families.language import Draw, Family, Form, Params
from datafactory_assets.families.materials import METAL, shade
from datafactory_assets.families.pieces import box
from datafactory_assets.families.solids import Prism, Sweep, rounded_box
from datafactory_assets.families.utensils import bar, scoop, scoop_hull

_STEMS = {"steel": 0.0016, "plastic": 0.0024, "wood": 0.0026}


def _draw_spoon(draw: Draw) -> Params:
    return draw.params(
        ("steel", "plastic", "wood"),
        length=draw.uniform(0.165, 0.205),
        bowl=draw.uniform(0.025, 0.031),
        stem=draw.uniform(0.0055, 0.0075),
    )


def _stem(x0: float, x1: float, z: float, half: tuple[float, float], params: Params) -> Sweep:
    """An arched handle from the table at x0 up to height z and on to x1, metres."""
    y, t = half
    middle = x0 + 0.62 * (x1 - x0)
    return Sweep(
        (
            (0.75 * y, t, 0.6 * t, x0, 0.0, t),
            (y, t, 0.6 * t, x0 + 0.010, 0.0, t + 0.0012),
            (0.9 * y, t, 0.6 * t, 0.5 * (x0 + middle), 0.0, 0.5 * (t + z)),
            (0.6 * y, t, 0.6 * t, middle, 0.0, z),
            (0.5 * y, t, 0.6 * t, x1, 0.0, z),
        ),
        params.rgba,
        "handle",
    )


def _build_spoon(params: Params) -> Form:
    size = params.size
    length, a, y = size["length"], size["bowl"], size["stem"]
    t = _STEMS[params.material]
    b, depth = 0.66 * a, 0.0125
    x0, x1 = -0.5 * length, 0.5 * length
    neck = x1 - 1.92 * a
    z = depth - t
    middle = x0 + 0.62 * (neck - x0)
    return lying(
        (
            scoop(a, b, depth, 1.1 * t, x1 - a, params),
            _stem(x0, neck, z, (y, t), params),
        ),
        (
            scoop_hull(a, b, depth, x1 - a),
            bar((x0, t), (middle, z), 0.9 * y, t),
            bar((middle, z), (neck + 0.003, z), 0.6 * y, t),
        ),
        2.0 * y,
    )


def _draw_fork(draw: Draw) -> Params:
    return draw.params(
        ("steel", "plastic", "wood"),
        length=draw.uniform(0.170, 0.210),
        head=draw.uniform(0.0115, 0.0135),
        stem=draw.uniform(0.0055, 0.0075),
    )


def _build_fork(params: Params) -> Form:
    """An arched handle, a palm, and four tines that lie on the table."""
    size = params.size
    length, b, y = size["length"], size["head"], size["stem"]
    t, z = _STEMS[params.material], 0.0110
    x0, x1 = -0.5 * length, 0.5 * length
    root, neck = x1 - 0.048, x1 - 0.072
    middle = x0 + 0.62 * (neck - x0)
    tine = 0.145 * b
    tines = [
        block(
            (0.024, tine, t), (root + 0.024, (k - 1.5) * (b - tine) / 1.5, t), params.rgba, "tine"
        )
        for k in range(4)
    ]
    palm = Sweep(
        (
            (0.5 * y, t, 0.6 * t, neck, 0.0, z),
            (0.75 * b, t, 0.6 * t, root - 0.012, 0.0, 0.55 * z),
            (b, t, 0.6 * t, root - 0.004, 0.0, t + 0.0008),
            (b, t, 0.6 * t, root, 0.0, t),
        ),
        params.rgba,
        "palm",
    )
    return lying(
        (_stem(x0, neck, z, (y, t), params), palm, *tines),
        (
            box((0.026, b, t), (x1 - 0.026, 0.0, t), "tine"),
            bar((neck, z), (root - 0.002, t), 0.75 * b, t, "palm"),
            bar((x0, t), (middle, z), 0.9 * y, t),
            bar((middle, z), (neck + 0.001, z), 0.6 * y, t),
        ),
        2.0 * y,
    )


def _draw_table_knife(draw: Draw) -> Params:
    return draw.params(
        ("steel",),
        ("grey", "black", "brown", "red", "blue", "white", "green", "teal"),
        length=draw.uniform(0.200, 0.235),
        blade=draw.uniform(0.0085, 0.0105),
        grip=draw.uniform(0.0080, 0.0095),
        density=draw.uniform(2300.0, 2900.0),
    )


def _build_table_knife(params: Params) -> Form:
    """A blunt blade with a round tip, held off the table by a thick handle."""
    size = params.size
    length, b, grip = size["length"], size["blade"], size["grip"]
    x0, x1 = -0.5 * length, 0.5 * length
    seam = x0 + 0.47 * length
    half_z, t = 0.0068, 0.0010
    colour = METAL if params.colour != "grey" else shade(METAL, 0.8)
    outline = (
        (seam, -0.7 * b),
        (seam + 0.012, -b),
        (x1 - 0.014, -b),
        (x1 - 0.004, -0.75 * b),
        (x1, -0.1 * b),
        (x1 - 0.003, 0.75 * b),
        (x1 - 0.012, b),
        (seam, b),
    )
    middle, arm = 0.5 * (x0 + seam), 0.5 * (seam - x0)
    return lying(
        (
            Prism(outline, half_z - t, half_z + t, colour, "blade"),
            rounded_box((arm, grip, half_z), (middle, 0.0, half_z), 0.006, 0.003, params.rgba,
                        "handle"),
        ),
        (
            box((arm, grip, half_z), (middle, 0.0, half_z), "handle"),
            box((0.5 * (x1 - seam), b, t), (0.5 * (x1 + seam), 0.0, half_z), "blade"),
        ),
        2.0 * grip,
    )  # fmt: skip


FAMILIES = (
    Family(
        describe(
            "spoon",
            ("tablespoon", "dessert spoon"),
            "A spoon with an arched handle, lying along x with its bowl up.",
            "dessert and table spoons: 165-205 mm long, bowls 33-41 mm wide",
            ("steel", "plastic", "wood"),
        ),
        _draw_spoon,
        _build_spoon,
    ),
    Family(
        describe(
            "fork",
            ("dinner fork",),
            "A fork with four tines and an arched handle, lying along x.",
            "dessert and dinner forks: 170-210 mm long, heads 23-27 mm wide",
            ("steel", "plastic", "wood"),
        ),
        _draw_fork,
        _build_fork,
    ),
    Family(
        describe(
            "table_knife",
            ("butter knife", "dinner knife"),
            "A blunt table knife with a thick handle, lying on its side along x.",
            "table knives: 200-235 mm long, handles 16-19 mm wide, hollow",
            ("steel",),
        ),
        _draw_table_knife,
        _build_table_knife,
    ),
)
