"""Small electronics: phone, mouse, remote, controller, charger, battery, bulb, earbuds, camera."""

from __future__ import annotations

import math

from datafactory_assets.asset import Shape
from datafactory_assets.families.forms import (
    ONE_POSE,
    accent,
    block,
    brick,
    describe,
    lying,
    standing,
)
from datafactory_assets.families.language import Draw, Family, Form, Params
from datafactory_assets.families.materials import COLOURS, CREAM, DARK, METAL, shade
from datafactory_assets.families.pieces import (
    box,
    circle,
    cylinder,
    extruded,
    nm,
    radius_at,
)
from datafactory_assets.families.solids import Loft, Prism, Revolve, Solid, Sweep, rounded_box

_CASES = ("black", "white", "grey", "blue", "red", "pink", "green", "purple", "teal")
_SCREEN = (0.05, 0.07, 0.12, 1.0)


def _draw_phone(draw: Draw) -> Params:
    return draw.params(
        ("plastic",),
        _CASES,
        half_x=draw.uniform(0.0680, 0.0810),
        half_y=draw.uniform(0.0330, 0.0385),
        height=draw.uniform(0.0095, 0.0130),
        accent=draw.uniform(0.0, 1.0),
        icons=draw.uniform(2.0, 5.0),
        density=draw.uniform(1900.0, 2400.0),
    )


def _build_phone(params: Params) -> Form:
    size = params.size
    a, b, h = size["half_x"], size["half_y"], size["height"]
    glass = h - 0.0008
    solids: list[Solid] = [
        rounded_box((a, b, 0.5 * glass), (0.0, 0.0, 0.5 * glass), 0.009, 0.002, params.rgba,
                    "case"),
        rounded_box((a - 0.0035, b - 0.003, 0.0004), (0.0, 0.0, h - 0.0004), 0.006, 0.0001,
                    _SCREEN, "screen"),
        Prism(circle(0.0018, 10, 0.88 * a), h, h + 0.0001, METAL, "lens"),
    ]  # fmt: skip
    colours = (accent(params), shade(accent(params), 0.6), CREAM, (0.3, 0.6, 0.9, 1.0))
    for i in range(int(size["icons"])):
        for j in range(4):
            place = ((0.45 - 0.28 * i) * a, (j - 1.5) * 0.42 * b, h + 0.0001)
            solids.append(block((0.0055, 0.0055, 0.0001), place, colours[(i + j) % 4], "icon"))
    return brick((a, b, 0.5 * h), tuple(solids), 2.0 * b)


def _draw_mouse(draw: Draw) -> Params:
    return draw.params(
        ("plastic",),
        _CASES,
        half_x=draw.uniform(0.0480, 0.0590),
        half_y=draw.uniform(0.0275, 0.0340),
        height=draw.uniform(0.034, 0.042),
        hump=draw.uniform(-0.30, 0.0),
        accent=draw.uniform(0.0, 1.0),
        density=draw.uniform(480.0, 650.0),
    )


def _build_mouse(params: Params) -> Form:
    size = params.size
    a, b, h = size["half_x"], size["half_y"], size["height"]
    hump = size["hump"]
    sections = []
    high = []
    for s in (-1.0, -0.94, -0.75, -0.45, -0.1, 0.25, 0.6, 0.88, 1.0):
        wide = b * (1.0 - 0.45 * abs(s) ** 3.2)
        up = h * max(0.34, 1.0 - 0.62 * (s - hump) ** 2)
        high.append((up, s * a))
        sections.append((wide, 0.5 * up, 0.62 * min(wide, 0.5 * up), s * a, 0.0, 0.5 * up))
    solids: list[Solid] = [Sweep(tuple(sections), params.rgba, "shell")]

    for k in range(5):  # the gap between the two buttons
        x = (0.12 + 0.17 * k) * a
        z = radius_at(high, x) - 0.0005
        solids.append(block((0.085 * a, 0.0007, 0.0012), (x, 0.0, z), DARK, "gap"))
    x = 0.55 * a
    wheel = ((0.0062, -0.003), (0.0070, -0.0015), (0.0070, 0.0015), (0.0062, 0.003))
    place = (x, 0.0, radius_at(high, x) - 0.0035)
    solids.append(Revolve(wheel, accent(params), "wheel", axis="y", origin=place))
    shapes = (
        box((0.62 * a, b, 0.30 * h), (-0.05 * a, 0.0, 0.30 * h)),
        box((a, 0.66 * b, 0.20 * h), (0.0, 0.0, 0.20 * h)),
        box((0.42 * a, 0.72 * b, 0.5 * h - 0.0005), (hump * a, 0.0, 0.5 * h - 0.0005), "hump"),
        box((0.40 * a, 0.60 * b, 0.40 * h), (hump * a + 0.40 * a, 0.0, 0.40 * h), "buttons"),
    )
    return lying(tuple(solids), shapes, 2.0 * b)


def _draw_remote(draw: Draw) -> Params:
    return draw.params(
        ("plastic",),
        ("black", "grey", "white", "blue", "red"),
        half_x=draw.uniform(0.060, 0.095),
        half_y=draw.uniform(0.0190, 0.0260),
        height=draw.uniform(0.016, 0.024),
        rows=draw.uniform(4.0, 8.0),
        accent=draw.uniform(0.0, 1.0),
        density=draw.uniform(750.0, 950.0),
    )


def _build_remote(params: Params) -> Form:
    size = params.size
    a, b, h = size["half_x"], size["half_y"], size["height"]
    face = h - 0.0012
    ink = CREAM if params.colour in ("black", "blue", "red") else DARK
    solids: list[Solid] = [
        rounded_box((a, b, 0.5 * face), (0.0, 0.0, 0.5 * face), 0.007, 0.003, params.rgba),
        Prism(circle(0.0048, 12, 0.84 * a, -0.45 * b), face, h, (0.8, 0.12, 0.1, 1.0), "power"),
        Prism(circle(0.46 * b, 18, 0.34 * a), face, h - 0.0004, ink, "pad"),
        Prism(circle(0.18 * b, 10, 0.34 * a), h - 0.0004, h, accent(params), "ok"),
    ]
    rows = int(size["rows"])
    for i in range(rows):
        for j in (-1, 0, 1):
            x = -0.82 * a + i * (0.90 * a / rows)
            half = (min(0.0038, 0.32 * a / rows), 0.0036, 0.0005)
            solids.append(block(half, (x, j * 0.52 * b, face + 0.0005), ink, "key"))
    return brick((a, b, 0.5 * h), tuple(solids), 2.0 * b, ("flat", "lies_along_x"), supports=False)


def _draw_controller(draw: Draw) -> Params:
    return draw.params(
        ("plastic",),
        _CASES,
        half_y=draw.uniform(0.070, 0.078),
        half_x=draw.uniform(0.0270, 0.0330),
        height=draw.uniform(0.032, 0.040),
        horn=draw.uniform(0.036, 0.048),
        accent=draw.uniform(0.0, 1.0),
        density=draw.uniform(480.0, 620.0),
    )


def _build_controller(params: Params) -> Form:
    size = params.size
    b, a, h, horn = size["half_y"], size["half_x"], size["height"], size["horn"]
    out = ((a, 0.55 * b), (0.72 * a, 0.86 * b), (-0.2 * a, b), (-a - 0.35 * horn, 0.98 * b),
           (-a - 0.92 * horn, 0.88 * b), (-a - horn, 0.72 * b), (-a - 0.85 * horn, 0.58 * b),
           (-a - 0.25 * horn, 0.48 * b), (-0.72 * a, 0.30 * b))  # fmt: skip
    half = [(nm(x), nm(y)) for x, y in out]
    outline = (*half, *((x, -y) for x, y in reversed(half)))
    face = h - 0.006
    inset = tuple((nm(0.95 * x), nm(0.97 * y)) for x, y in outline)
    dark = DARK if params.colour != "black" else (0.45, 0.46, 0.48, 1.0)
    solids: list[Solid] = [
        Prism(inset, 0.0, 0.12 * face, params.rgba, "back"),
        Prism(outline, 0.12 * face, 0.85 * face, params.rgba, "shell"),
        Prism(inset, 0.85 * face, face, params.rgba, "face"),
    ]
    for side in (-1.0, 1.0):
        stick = ((0.006, face), (0.006, face + 0.003), (0.0085, face + 0.003), (0.0085, h))
        solids.append(Revolve(stick, dark, "stick", origin=(-0.55 * a, side * 0.36 * b, 0.0)))
    for k, colour in enumerate(("red", "blue", "green", "yellow")):
        t = 0.5 * math.pi * k
        place = (0.20 * a + 0.0085 * math.cos(t), -0.62 * b + 0.0085 * math.sin(t))
        disc = circle(0.0042, 10, *place)
        solids.append(Prism(disc, face, face + 0.002, COLOURS[colour], "button"))
    for half_x, half_y in ((0.010, 0.0033), (0.0033, 0.010)):
        centre = (0.20 * a, 0.62 * b, face + 0.001)
        solids.append(block((half_x, half_y, 0.001), centre, dark, "pad"))
    shapes: list[Shape] = [box((0.94 * a, 0.70 * b, 0.5 * face), (0.0, 0.0, 0.5 * face))]
    for side in (-1.0, 1.0):
        points = ((0.72 * a, 0.86 * b), (-0.2 * a, b), (-a - 0.92 * horn, 0.88 * b),
                  (-a - horn, 0.72 * b), (-a - 0.85 * horn, 0.58 * b), (-0.9 * a, 0.45 * b),
                  (0.72 * a, 0.45 * b))  # fmt: skip
        wing = [(nm(x), nm(side * y)) for x, y in points]
        shapes.append(extruded(wing, 0.0, face, "z", "horn"))
        shapes.append(cylinder(0.0085, face, h, "stick", -0.55 * a, side * 0.36 * b))
    return Form(solids=tuple(solids), shapes=tuple(shapes), poses=ONE_POSE, grip=2.0 * a + 0.006)


def _draw_charger(draw: Draw) -> Params:
    return draw.params(
        ("plastic",),
        ("white", "black", "grey"),
        half_x=draw.uniform(0.0180, 0.0250),
        half_y=draw.uniform(0.0130, 0.0190),
        height=draw.uniform(0.034, 0.050),
        pins=draw.uniform(0.0085, 0.0105),
        ports=draw.uniform(1.0, 3.0),
        accent=draw.uniform(0.0, 1.0),
        density=draw.uniform(1050.0, 1300.0),
    )


def _build_charger(params: Params) -> Form:
    size = params.size
    a, b, h, gap = size["half_x"], size["half_y"], size["height"], size["pins"]
    length = 0.019
    ports = int(size["ports"])
    solids: list[Solid] = [
        rounded_box((a, b, 0.5 * h), (0.0, 0.0, 0.5 * h), 0.004, 0.0015, params.rgba, "body"),
        block((0.6 * a, 0.0002, 0.004), (0.0, -b - 0.0002, 0.5 * h), accent(params), "logo"),
    ]
    for i in range(ports):
        z = h * (i + 1) / (ports + 1)
        solids.append(block((0.0003, 0.55 * b, 0.0022), (-a - 0.0003, 0.0, z), METAL, "port"))
    shapes = [box((a, b, 0.5 * h), (0.0, 0.0, 0.5 * h))]
    for side in (-1, 1):
        z = 0.5 * h + side * gap
        pin = ((0.0024, a), (0.0024, a + length - 0.002), (0.0014, a + length))
        solids.append(Revolve(pin, METAL, "pin", axis="x", origin=(0.0, 0.0, z)))
        half = (0.5 * length, 0.0024, 0.0024)
        shapes.append(box(half, (a + 0.5 * length, 0.0, z), "pin"))
    return Form(solids=tuple(solids), shapes=tuple(shapes), poses=ONE_POSE, grip=2.0 * b)


def _draw_battery(draw: Draw) -> Params:
    return draw.params(
        ("steel",),
        ("black", "red", "blue", "green", "yellow", "orange", "grey"),
        radius=draw.uniform(0.0125, 0.0170),
        height=draw.uniform(0.048, 0.061),
        seam=draw.uniform(0.55, 0.72),
        accent=draw.uniform(0.0, 1.0),
        density=draw.uniform(2300.0, 2700.0),
    )


def _build_battery(params: Params) -> Form:
    size = params.size
    r, h = size["radius"], size["height"]
    can = h - 0.002
    seam = size["seam"] * can
    gold = (0.80, 0.58, 0.24, 1.0) if size["accent"] < 0.6 else accent(params)
    solids = (
        Revolve(((r - 0.001, 0.0), (r, 0.001), (r, 0.03 * h)), METAL, "minus"),
        Revolve(((r, 0.03 * h), (r, seam)), params.rgba, "label"),
        Revolve(((r, seam), (r, can - 0.002)), gold, "band"),
        Revolve(((r, can - 0.002), (r - 0.0015, can), (0.36 * r, can), (0.36 * r, h)), METAL,
                "plus"),
    )  # fmt: skip
    profile = ((r, 0.0), (r, can), (0.36 * r, can + 1e-4), (0.36 * r, h))
    return standing(solids, profile, (0.0, can, h))


def _draw_light_bulb(draw: Draw) -> Params:
    return draw.params(
        ("glass",),
        ("white", "yellow", "blue", "green", "red"),
        radius=draw.uniform(0.0225, 0.0310),
        height=draw.uniform(0.090, 0.112),
        density=draw.uniform(300.0, 500.0),
    )


def _build_light_bulb(params: Params) -> Form:
    size = params.size
    r, h = size["radius"], size["height"]
    cap, neck = 0.0132, 0.0145
    screw, collar = 0.026, 0.030
    thread: list[tuple[float, float]] = [(0.45 * cap, 0.0), (0.0085, 0.003), (cap - 0.001, 0.005)]
    for k in range(4):
        z = 0.006 + 0.005 * k
        thread += [(cap, z + 0.0015), (cap - 0.0012, z + 0.004)]
    thread.append((cap, screw))
    centre = h - r
    globe = [(neck, collar)]
    start = -1.05
    for i in range(9):
        t = start + (1.42 - start) * i / 8
        globe.append((r * math.cos(t), centre + r * math.sin(t)))
    solids = (
        Revolve(tuple(thread), METAL, "screw"),
        Revolve(((neck, screw), (neck, collar)), CREAM, "collar"),
        Revolve(tuple(globe), params.rgba, "globe"),
    )
    profile = ((0.9 * cap, 0.0), (cap, screw), (neck, collar), *globe[1:])
    heights = (0.0, collar, globe[1][1] + 0.1 * r, centre - 0.40 * r, centre + 0.55 * r,
               centre + 0.85 * r, globe[-1][1])  # fmt: skip
    return standing(solids, profile, heights, ("rolls", "fragile"))


def _draw_earbuds(draw: Draw) -> Params:
    return draw.params(
        ("plastic",),
        ("white", "black", "grey", "pink", "blue", "green"),
        half_x=draw.uniform(0.0230, 0.0320),
        half_y=draw.uniform(0.0190, 0.0260),
        height=draw.uniform(0.021, 0.030),
        accent=draw.uniform(0.0, 1.0),
        density=draw.uniform(900.0, 1150.0),
    )


def _build_earbuds(params: Params) -> Form:
    size = params.size
    a, b, h = size["half_x"], size["half_y"], size["height"]
    seam, c = 0.62 * h, 0.70 * b

    def at(share: float, z: float) -> tuple[float, float, float, float]:
        return (a - (1.0 - share) * b, share * b, share * c, z)

    solids = (
        Loft((at(0.70, 0.0), at(0.93, 0.16 * h), at(1.0, 0.36 * h), at(1.0, seam)), params.rgba,
             "case"),
        Loft((at(0.97, seam), at(0.97, seam + 0.0008)), shade(params.rgba, 0.35), "gap"),
        Loft((at(1.0, seam + 0.0008), at(0.96, 0.82 * h), at(0.72, h)), params.rgba, "lid"),
        block((0.0016, 0.0004, 0.0016), (0.0, -b - 0.0002, 0.45 * h), accent(params), "light"),
    )  # fmt: skip
    shapes = (
        box((a - 0.30 * b, 0.70 * b, 0.5 * h), (0.0, 0.0, 0.5 * h)),
        box((a - 0.28 * b, b, 0.30 * h), (0.0, 0.0, 0.55 * h), "rim"),
        box((a, 0.72 * b, 0.30 * h), (0.0, 0.0, 0.55 * h), "rim"),
    )
    return Form(solids=solids, shapes=shapes, poses=ONE_POSE, symmetry="box", grip=2.0 * b)


def _draw_camera(draw: Draw) -> Params:
    return draw.params(
        ("plastic",),
        ("black", "grey", "red", "brown", "blue", "white"),
        half_x=draw.uniform(0.0150, 0.0200),
        half_y=draw.uniform(0.0480, 0.0600),
        height=draw.uniform(0.060, 0.076),
        lens=draw.uniform(0.018, 0.030),
        accent=draw.uniform(0.0, 1.0),
        density=draw.uniform(900.0, 1300.0),
    )


def _build_camera(params: Params) -> Form:
    size = params.size
    a, b, h, lens = size["half_x"], size["half_y"], size["height"], size["lens"]
    low, high = 0.18 * h, 0.78 * h
    r, z = 0.36 * h, 0.48 * h
    silver = METAL if params.colour != "white" else (0.75, 0.76, 0.78, 1.0)
    corner = 0.006
    solids = (
        Loft(((a, b, corner, 0.0), (a, b, corner, low)), silver, "base"),
        Loft(((a, b, corner, low), (a, b, corner, high)), params.rgba, "body"),
        Loft(((a, b, corner, high), (a, b, corner, h)), silver, "top"),
        Revolve(((r, a), (r, a + 0.45 * lens), (0.92 * r, a + 0.45 * lens), (0.92 * r, a + lens)),
                DARK, "lens", axis="x", origin=(0.0, 0.0, z)),
        Revolve(((0.74 * r, a + lens), (0.62 * r, a + lens + 0.001)), (0.20, 0.28, 0.45, 1.0),
                "glass", axis="x", origin=(0.0, 0.0, z)),
        rounded_box((0.5 * a, 0.17 * b, 0.005), (0.0, 0.0, h + 0.005), 0.003, 0.001, DARK,
                    "finder"),
        Revolve(((0.0055, h), (0.0055, h + 0.004)), accent(params), "button",
                origin=(0.0, 0.70 * b, 0.0)),
        block((0.0004, 0.007, 0.004), (a + 0.0004, -0.62 * b, 0.87 * h), CREAM, "flash"),
    )  # fmt: skip
    shapes = (
        box((a, b, 0.5 * h), (0.0, 0.0, 0.5 * h)),
        box((0.5 * lens, 0.80 * r, 0.80 * r), (a + 0.5 * lens, 0.0, z), "lens"),
        box((0.5 * a, 0.17 * b, 0.005), (0.0, 0.0, h + 0.005), "finder"),
    )
    return Form(solids=solids, shapes=shapes, poses=ONE_POSE, grip=2.0 * a)


_KINDS = (
    ("phone", ("smartphone", "mobile phone", "cell phone"), "plastic",
     "A smartphone in a case, screen up.", "phones in cases: 136-162 x 66-77 x 9-13 mm", True,
     _draw_phone, _build_phone),
    ("computer_mouse", ("mouse",), "plastic", "A computer mouse with a wheel.",
     "desktop mice: 96-118 x 55-68 x 34-42 mm", False, _draw_mouse, _build_mouse),
    ("remote_control", ("remote", "tv remote"), "plastic", "A remote control, keys up.",
     "remote controls: 120-190 x 38-52 x 16-24 mm", False, _draw_remote, _build_remote),
    ("game_controller", ("controller", "gamepad", "joypad"), "plastic",
     "A game controller with two sticks.", "game controllers: 140-156 mm wide, 32-40 mm high",
     False, _draw_controller, _build_controller),
    ("charger", ("power adapter", "plug", "charger plug"), "plastic",
     "A wall charger with two round pins.", "USB wall chargers: 36-50 x 26-38 x 34-50 mm",
     False, _draw_charger, _build_charger),
    ("battery", ("cell",), "steel", "A standing round battery.",
     "C and D cells: 25-34 mm across, 48-61 mm high", False, _draw_battery, _build_battery),
    ("light_bulb", ("bulb", "lamp"), "glass", "A light bulb standing on its screw cap.",
     "A45 to A60 bulbs with E27 caps: 45-62 mm across, 90-112 mm high", False,
     _draw_light_bulb, _build_light_bulb),
    ("earbud_case", ("earphone case", "headphone case"), "plastic", "A rounded case of earbuds.",
     "earbud cases: 46-64 x 38-52 x 21-30 mm", False, _draw_earbuds, _build_earbuds),
    ("camera", ("photo camera", "compact camera"), "plastic",
     "A compact camera, its lens along +x.", "compact cameras: 96-120 x 60-76 x 48-70 mm",
     False, _draw_camera, _build_camera),
)  # fmt: skip

FAMILIES = tuple(
    Family(describe(name, nouns, text, sizes, (material,), supports=supports), draw, build)
    for name, nouns, material, text, sizes, supports, draw, build in _KINDS
)
