"""Tables of homes and cafes."""

from __future__ import annotations

from datafactory_assets.families.language import Draw
from datafactory_assets.tables.asset import TableInfo
from datafactory_assets.tables.frames import (
    backboard,
    board,
    cabinet,
    cross_foot,
    legs,
    overshelf,
    panels,
    pedestal,
    pole,
    rim,
    undershelf,
)
from datafactory_assets.tables.language import TableFamily, TableForm, TableParams, drawn
from datafactory_assets.tables.outlines import half_round, octagon, oval, rectangle, rounded

_WARM = ("wood", "painted")


def _draw_dining(draw: Draw) -> TableParams:
    return drawn(draw, ("wood",), _WARM, a=draw.uniform(0.36, 0.44), b=draw.uniform(0.60, 0.85),
                 leg=draw.uniform(0.024, 0.036), thick=draw.uniform(0.022, 0.042))  # fmt: skip


def _build_dining(params: TableParams, height: float) -> TableForm:
    s = params.size
    a, b, leg, under = s["a"], s["b"], s["leg"], height - s["thick"]
    frame = legs(params, a - leg - 0.02, b - leg - 0.02, under, leg)
    return TableForm(rectangle(a, b), s["thick"], frame)


def _draw_bistro(draw: Draw) -> TableParams:
    return drawn(draw, ("wood", "stone", "metal", "laminate"), ("painted", "metal"),
                 r=draw.uniform(0.33, 0.42), column=draw.uniform(0.022, 0.035),
                 foot=draw.uniform(0.19, 0.24), thick=draw.uniform(0.018, 0.030))  # fmt: skip


def _build_bistro(params: TableParams, height: float) -> TableForm:
    s = params.size
    frame = pedestal(params, s["column"], s["foot"], height - s["thick"])
    return TableForm(oval(s["r"], s["r"]), s["thick"], frame)


def _draw_oval(draw: Draw) -> TableParams:
    return drawn(draw, ("wood", "stone", "laminate"), ("wood", "painted", "metal"),
                 a=draw.uniform(0.37, 0.45), b=draw.uniform(0.58, 0.80),
                 column=draw.uniform(0.035, 0.055), foot=draw.uniform(0.14, 0.19),
                 thick=draw.uniform(0.020, 0.035))  # fmt: skip


def _build_oval(params: TableParams, height: float) -> TableForm:
    s = params.size
    under, y = height - s["thick"], 0.45 * s["b"]
    frame = [p for k in (-1.0, 1.0) for p in pedestal(params, s["column"], s["foot"], under, k * y)]
    return TableForm(oval(s["a"], s["b"]), s["thick"], tuple(frame))


def _draw_cafe(draw: Draw) -> TableParams:
    return drawn(draw, ("wood", "laminate", "stone"), ("painted", "metal"),
                 a=draw.uniform(0.31, 0.38), corner=draw.uniform(0.02, 0.07),
                 column=draw.uniform(0.028, 0.040), thick=draw.uniform(0.022, 0.034))  # fmt: skip


def _build_cafe(params: TableParams, height: float) -> TableForm:
    s = params.size
    frame = cross_foot(params, s["column"], 0.72 * s["a"], height - s["thick"])
    return TableForm(rounded(s["a"], s["a"], s["corner"]), s["thick"], frame)


def _draw_octagon(draw: Draw) -> TableParams:
    return drawn(draw, ("wood", "stone", "painted"), _WARM, r=draw.uniform(0.34, 0.43),
                 leg=draw.uniform(0.022, 0.032), thick=draw.uniform(0.022, 0.036))  # fmt: skip


def _build_octagon(params: TableParams, height: float) -> TableForm:
    s = params.size
    place = 0.62 * s["r"]
    frame = legs(params, place, place, height - s["thick"], s["leg"], round_=True)
    return TableForm(octagon(s["r"]), s["thick"], frame)


def _draw_half_round(draw: Draw) -> TableParams:
    return drawn(draw, ("wood", "painted", "stone"), _WARM, depth=draw.uniform(0.44, 0.55),
                 b=draw.uniform(0.48, 0.62), leg=draw.uniform(0.018, 0.026),
                 thick=draw.uniform(0.020, 0.032))  # fmt: skip


def _build_half_round(params: TableParams, height: float) -> TableForm:
    s = params.size
    depth, b, leg, under = s["depth"], s["b"], s["leg"], height - s["thick"]
    x = 0.5 * depth - leg - 0.01
    frame = [
        pole(params, leg, 0.0, under, x, 0.86 * b),
        pole(params, leg, 0.0, under, x, -0.86 * b),
        pole(params, leg, 0.0, under, -0.32 * depth, 0.34 * b),
        pole(params, leg, 0.0, under, -0.32 * depth, -0.34 * b),
        board(params, (0.010, 0.84 * b, 0.04), (x, 0.0, under - 0.04)),
    ]
    return TableForm(half_round(depth, b), s["thick"], tuple(frame))


def _draw_console(draw: Draw) -> TableParams:
    return drawn(draw, ("wood", "stone", "painted"), ("wood", "painted", "metal"),
                 a=draw.uniform(0.19, 0.24), b=draw.uniform(0.50, 0.75),
                 leg=draw.uniform(0.014, 0.022), thick=draw.uniform(0.018, 0.030),
                 low=draw.uniform(0.16, 0.24))  # fmt: skip


def _build_console(params: TableParams, height: float) -> TableForm:
    s = params.size
    a, b, leg, under = s["a"], s["b"], s["leg"], height - s["thick"]
    frame = legs(params, a - leg - 0.01, b - leg - 0.01, under, leg, apron=0.025)
    shelf = undershelf(params, a - 0.03, b - 0.03, s["low"], top=True)
    return TableForm(rectangle(a, b), s["thick"], (*frame, *shelf))


def _draw_plinth(draw: Draw) -> TableParams:
    return drawn(draw, ("stone", "wood", "laminate"), ("painted", "wood", "stone"),
                 a=draw.uniform(0.36, 0.43), b=draw.uniform(0.45, 0.62),
                 corner=draw.uniform(0.06, 0.16), thick=draw.uniform(0.030, 0.050))  # fmt: skip


def _build_plinth(params: TableParams, height: float) -> TableForm:
    s = params.size
    a, b, under = s["a"], s["b"], height - s["thick"]
    body = board(params, (0.66 * a, 0.66 * b, 0.5 * under), (0.0, 0.0, 0.5 * under))
    return TableForm(rounded(a, b, s["corner"]), s["thick"], (body,))


def _draw_counter(draw: Draw) -> TableParams:
    return drawn(draw, ("stone", "wood", "laminate"), ("painted", "wood", "laminate"),
                 a=draw.uniform(0.31, 0.35), b=draw.uniform(0.60, 0.90),
                 splash=draw.uniform(0.06, 0.16), doors=draw.uniform(2.0, 5.0),
                 thick=draw.uniform(0.028, 0.042))  # fmt: skip


def _build_counter(params: TableParams, height: float) -> TableForm:
    s = params.size
    a, b, under = s["a"], s["b"], height - s["thick"]
    body = cabinet(params, a, b, under, int(s["doors"]))
    splash = backboard(params, a, b, height, s["splash"], top=True)
    return TableForm(rectangle(a, b), s["thick"], (*body, *splash))


def _draw_island(draw: Draw) -> TableParams:
    return drawn(draw, ("stone", "wood"), ("painted", "wood"), a=draw.uniform(0.40, 0.48),
                 b=draw.uniform(0.62, 0.90), doors=draw.uniform(2.0, 5.0),
                 over=draw.uniform(0.06, 0.12), corner=draw.uniform(0.01, 0.05),
                 thick=draw.uniform(0.030, 0.060))  # fmt: skip


def _build_island(params: TableParams, height: float) -> TableForm:
    s = params.size
    a, b, under = s["a"], s["b"], height - s["thick"]
    body = cabinet(params, a, b, under, int(s["doors"]), inset=s["over"])
    return TableForm(rounded(a, b, s["corner"]), s["thick"], body)


def _draw_butcher(draw: Draw) -> TableParams:
    return drawn(draw, ("wood",), _WARM, a=draw.uniform(0.32, 0.38), b=draw.uniform(0.34, 0.46),
                 leg=draw.uniform(0.034, 0.046), thick=draw.uniform(0.090, 0.150),
                 low=draw.uniform(0.18, 0.30))  # fmt: skip


def _build_butcher(params: TableParams, height: float) -> TableForm:
    s = params.size
    a, b, leg, under = s["a"], s["b"], s["leg"], height - s["thick"]
    frame = legs(params, a - leg - 0.01, b - leg - 0.01, under, leg, apron=0.0)
    shelf = undershelf(params, a - leg, b - leg, s["low"])
    return TableForm(rectangle(a, b), s["thick"], (*frame, *shelf))


def _draw_desk(draw: Draw) -> TableParams:
    return drawn(draw, ("wood", "laminate"), ("wood", "laminate", "painted"),
                 a=draw.uniform(0.32, 0.39), b=draw.uniform(0.58, 0.78),
                 drawers=draw.uniform(0.14, 0.20), thick=draw.uniform(0.020, 0.034))  # fmt: skip


def _build_desk(params: TableParams, height: float) -> TableForm:
    s = params.size
    a, b, under, half = s["a"], s["b"], height - s["thick"], s["drawers"]
    frame = list(panels(params, a - 0.01, b - 0.012, under))
    y = -b + 0.030 + half
    frame.append(board(params, (0.86 * a, half, 0.30), (0.0, y, under - 0.30)))
    for k in range(3):
        z = under - 0.10 - 0.195 * k
        frame.append(board(params, (0.007, half - 0.010, 0.090), (-0.86 * a - 0.007, y, z),
                           top=True))  # fmt: skip
    return TableForm(rectangle(a, b), s["thick"], tuple(frame))


def _draw_hutch(draw: Draw) -> TableParams:
    return drawn(draw, ("wood", "painted"), _WARM, a=draw.uniform(0.36, 0.42),
                 b=draw.uniform(0.55, 0.70), rise=draw.uniform(0.42, 0.50),
                 depth=draw.uniform(0.15, 0.20), thick=draw.uniform(0.020, 0.032),
                 back=draw.uniform(0.05, 0.16))  # fmt: skip


def _build_hutch(params: TableParams, height: float) -> TableForm:
    s = params.size
    a, b, under = s["a"], s["b"], height - s["thick"]
    frame = (
        *panels(params, a - 0.01, b - 0.012, under),
        *overshelf(params, a, b, height, s["rise"], s["depth"]),
        *backboard(params, a, b, height, s["back"]),
    )
    return TableForm(rectangle(a, b), s["thick"], frame)


def _draw_media(draw: Draw) -> TableParams:
    return drawn(draw, ("wood", "laminate", "painted"), ("wood", "laminate", "painted"),
                 a=draw.uniform(0.24, 0.30), b=draw.uniform(0.65, 0.90),
                 lip=draw.uniform(0.012, 0.025), thick=draw.uniform(0.020, 0.030))  # fmt: skip


def _build_media(params: TableParams, height: float) -> TableForm:
    s = params.size
    a, b, under = s["a"], s["b"], height - s["thick"]
    low = 0.25
    parts = [
        board(params, (a - 0.01, b - 0.01, 0.012), (0.0, 0.0, low)),
        board(params, (a - 0.01, b - 0.01, 0.012), (0.0, 0.0, 0.5 * (low + under))),
        board(params, (0.008, b - 0.02, 0.5 * (under - low)), (a - 0.02, 0.0, 0.5 * (low + under))),
    ]
    for y in (-b + 0.022, -b / 3.0, b / 3.0, b - 0.022):
        parts.append(board(params, (a - 0.02, 0.011, 0.5 * (under - low)),
                           (0.0, y, 0.5 * (under + low))))  # fmt: skip
    for x in (-0.7 * a, 0.7 * a):
        for y in (-0.85 * b, 0.85 * b):
            parts.append(pole(params, 0.018, 0.0, low - 0.012, x, y))
    parts += rim(params, a, b, height, s["lip"], sides="f")
    return TableForm(rectangle(a, b), s["thick"], tuple(parts))


def _info(name: str, nouns: tuple[str, ...], top: str, finishes: tuple[str, ...], text: str,
          sizes: str) -> TableInfo:  # fmt: skip
    return TableInfo(name, name.replace("_", " "), nouns, top, finishes, text, sizes)


FAMILIES = (
    TableFamily(_info("dining_table", ("table", "kitchen table"), "rectangle", ("wood",),
                      "A table on four legs.", "tables for 4-6: 720-880 x 1200-1700 mm"),
                _draw_dining, _build_dining),
    TableFamily(_info("bistro_table", ("round table", "table"), "circle",
                      ("wood", "stone", "metal", "laminate"), "A round table on one column.",
                      "bistro tables: 660-840 mm across"), _draw_bistro, _build_bistro),
    TableFamily(_info("oval_table", ("table",), "oval", ("wood", "stone", "laminate"),
                      "An oval table on two columns.", "oval tables: 740-900 x 1160-1600 mm"),
                _draw_oval, _build_oval),
    TableFamily(_info("cafe_table", ("square table", "table"), "rounded",
                      ("wood", "laminate", "stone"), "A square table on a cross foot.",
                      "cafe tables: 620-760 mm square"), _draw_cafe, _build_cafe),
    TableFamily(_info("octagon_table", ("octagonal table", "table"), "octagon",
                      ("wood", "stone", "painted"), "An octagonal table on four round legs.",
                      "octagonal tables: 680-860 mm across the flats"),
                _draw_octagon, _build_octagon),
    TableFamily(_info("half_round_table", ("demi-lune table", "table"), "half_round",
                      ("wood", "painted", "stone"), "A half-round wall table.",
                      "demi-lune tables: 440-550 x 960-1240 mm"),
                _draw_half_round, _build_half_round),
    TableFamily(_info("console_table", ("console", "hall table"), "rectangle",
                      ("wood", "stone", "painted"), "A narrow table with a low shelf.",
                      "console tables: 380-480 x 1000-1500 mm"), _draw_console, _build_console),
    TableFamily(_info("plinth_table", ("coffee table", "table"), "rounded",
                      ("stone", "wood", "laminate"), "A thick rounded top on a closed plinth.",
                      "plinth tables: 720-860 x 900-1240 mm, raised to working height"),
                _draw_plinth, _build_plinth),
    TableFamily(_info("kitchen_counter", ("counter", "worktop"), "rectangle",
                      ("stone", "wood", "laminate"), "A worktop on cupboards with a splashback.",
                      "kitchen worktops: 620-700 mm deep, splashbacks 60-160 mm"),
                _draw_counter, _build_counter),
    TableFamily(_info("kitchen_island", ("island", "counter"), "rounded", ("stone", "wood"),
                      "A free-standing block of cupboards under an overhanging top.",
                      "kitchen islands: 800-960 mm deep"), _draw_island, _build_island),
    TableFamily(_info("butcher_block", ("chopping block",), "rectangle", ("wood",),
                      "A very thick top on four legs.",
                      "butcher blocks: 640-760 x 680-920 mm, 90-150 mm thick"),
                _draw_butcher, _build_butcher),
    TableFamily(_info("desk", ("writing desk", "table"), "rectangle", ("wood", "laminate"),
                      "A desk on side panels with a drawer unit.",
                      "desks: 640-780 x 1160-1560 mm"), _draw_desk, _build_desk),
    TableFamily(_info("hutch_desk", ("desk with hutch", "desk"), "rectangle",
                      ("wood", "painted"), "A desk with a shelf over its far part.",
                      "desks with hutches: 720-840 mm deep, shelves 420-500 mm up"),
                _draw_hutch, _build_hutch),
    TableFamily(_info("media_bench", ("media unit", "sideboard"), "rectangle",
                      ("wood", "laminate", "painted"),
                      "A low open cabinet on feet with a lip at its back.",
                      "media benches: 480-600 x 1300-1800 mm, raised to working height"),
                _draw_media, _build_media),
)  # fmt: skip
