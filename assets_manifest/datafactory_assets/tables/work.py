"""Tables of workshops, laboratories, offices, schools and shops, and shelves."""

from __future__ import annotations

from datafactory_assets.families.language import Draw
from datafactory_assets.tables.asset import TableInfo, TablePart
from datafactory_assets.tables.frames import (
    backboard,
    beam,
    board,
    legs,
    overshelf,
    panels,
    pole,
    rim,
    undershelf,
)
from datafactory_assets.tables.language import TableFamily, TableForm, TableParams, drawn
from datafactory_assets.tables.outlines import rectangle, rounded


def _draw_folding(draw: Draw) -> TableParams:
    return drawn(draw, ("laminate", "painted", "wood"), ("metal", "painted"),
                 a=draw.uniform(0.34, 0.39), b=draw.uniform(0.55, 0.85),
                 corner=draw.uniform(0.03, 0.07), thick=draw.uniform(0.020, 0.045))  # fmt: skip


def _build_folding(params: TableParams, height: float) -> TableForm:
    s = params.size
    a, b, under = s["a"], s["b"], height - s["thick"]
    parts = []
    for y in (-0.72 * b, 0.72 * b):
        for k in (-1.0, 1.0):
            start, end = (-0.8 * a * k, y + 0.018 * k, 0.014), (0.8 * a * k, y + 0.018 * k, under)
            parts.append(beam(params, start, (end[0], end[1], under - 0.014), (0.014, 0.014)))
        parts.append(board(params, (0.85 * a, 0.02, 0.010), (0.0, y, under - 0.010)))
    return TableForm(rounded(a, b, s["corner"]), s["thick"], tuple(parts))


def _draw_trestle(draw: Draw) -> TableParams:
    return drawn(draw, ("wood", "painted", "laminate"), ("wood", "painted"),
                 a=draw.uniform(0.34, 0.40), b=draw.uniform(0.60, 0.85),
                 bar=draw.uniform(0.017, 0.024), thick=draw.uniform(0.018, 0.030))  # fmt: skip


def _build_trestle(params: TableParams, height: float) -> TableForm:
    s = params.size
    a, b, bar, under = s["a"], s["b"], s["bar"], height - s["thick"]
    parts: list[TablePart] = []
    for side in (-1.0, 1.0):
        y = side * 0.66 * b
        parts.append(board(params, (0.88 * a, 1.2 * bar, bar), (0.0, y, under - bar)))
        for x in (-0.72 * a, 0.72 * a):
            for k in (-1.0, 1.0):
                top = (x, y + 0.02 * k, under - 2.0 * bar)
                parts.append(beam(params, (x, y + 0.16 * k, bar), top, (bar, 0.6 * bar)))
        parts.append(board(params, (0.72 * a, 0.010, 0.03), (0.0, y, 0.30)))
    return TableForm(rectangle(a, b), s["thick"], tuple(parts))


def _draw_workbench(draw: Draw) -> TableParams:
    return drawn(draw, ("wood",), ("wood", "painted"), a=draw.uniform(0.33, 0.39),
                 b=draw.uniform(0.60, 0.80), leg=draw.uniform(0.036, 0.048),
                 thick=draw.uniform(0.050, 0.080), back=draw.uniform(0.08, 0.20))  # fmt: skip


def _build_workbench(params: TableParams, height: float) -> TableForm:
    s = params.size
    a, b, leg, under = s["a"], s["b"], s["leg"], height - s["thick"]
    parts = (
        *legs(params, a - leg - 0.02, b - leg - 0.04, under, leg, apron=0.045),
        *undershelf(params, a - 0.05, b - 0.06, 0.18),
        *backboard(params, a, b, height, s["back"]),
    )
    return TableForm(rectangle(a, b), s["thick"], parts)


def _draw_lab(draw: Draw) -> TableParams:
    return drawn(draw, ("stone", "laminate"), ("metal", "painted"), a=draw.uniform(0.37, 0.42),
                 b=draw.uniform(0.60, 0.80), rise=draw.uniform(0.42, 0.50),
                 depth=draw.uniform(0.13, 0.18), thick=draw.uniform(0.020, 0.032))  # fmt: skip


def _build_lab(params: TableParams, height: float) -> TableForm:
    s = params.size
    a, b, under = s["a"], s["b"], height - s["thick"]
    x, rise, depth = a - 0.5 * s["depth"], s["rise"], s["depth"]
    parts = [*legs(params, a - 0.05, b - 0.05, under, 0.022)]
    for y in (-b + 0.05, 0.0, b - 0.05):
        parts.append(board(params, (0.016, 0.012, 0.5 * rise), (x, y, height + 0.5 * rise)))
    parts.append(board(params, (0.5 * depth, b, 0.009), (x, 0.0, height + rise + 0.009), top=True))
    lip = (a - 0.004, 0.0, height + rise + 0.030)
    parts.append(board(params, (0.004, b, 0.012), lip))
    return TableForm(rectangle(a, b), s["thick"], tuple(parts))


def _draw_prep(draw: Draw) -> TableParams:
    return drawn(draw, ("metal",), ("metal",), a=draw.uniform(0.33, 0.38),
                 b=draw.uniform(0.55, 0.80), up=draw.uniform(0.04, 0.10),
                 leg=draw.uniform(0.018, 0.024), thick=draw.uniform(0.020, 0.040),
                 low=draw.uniform(0.18, 0.28))  # fmt: skip


def _build_prep(params: TableParams, height: float) -> TableForm:
    s = params.size
    a, b, leg, under = s["a"], s["b"], s["leg"], height - s["thick"]
    parts = (
        *legs(params, a - leg - 0.02, b - leg - 0.02, under, leg, round_=True, apron=0.0),
        *undershelf(params, a - 0.03, b - 0.03, s["low"]),
        *backboard(params, a, b, height, s["up"], thick=0.007),
    )
    return TableForm(rectangle(a, b), s["thick"], parts)


def _draw_standing(draw: Draw) -> TableParams:
    return drawn(draw, ("wood", "laminate"), ("painted", "metal"), a=draw.uniform(0.35, 0.41),
                 b=draw.uniform(0.60, 0.85), corner=draw.uniform(0.01, 0.05),
                 thick=draw.uniform(0.022, 0.032))  # fmt: skip


def _build_standing(params: TableParams, height: float) -> TableForm:
    s = params.size
    a, b, under = s["a"], s["b"], height - s["thick"]
    parts = []
    for side in (-1.0, 1.0):
        y = side * 0.68 * b
        lower, upper = 0.5 * under, 0.5 * (under - 0.05)
        parts += [
            board(params, (0.85 * a, 0.035, 0.015), (0.0, y, 0.015)),
            board(params, (0.045, 0.030, 0.5 * lower), (0.0, y, 0.03 + 0.5 * lower)),
            board(params, (0.035, 0.022, 0.5 * upper), (0.0, y, under - 0.02 - 0.5 * upper)),
            board(params, (0.75 * a, 0.030, 0.010), (0.0, y, under - 0.010)),
        ]
    parts.append(board(params, (0.025, 0.66 * b, 0.020), (0.0, 0.0, under - 0.04)))
    return TableForm(rounded(a, b, s["corner"]), s["thick"], tuple(parts))


def _draw_school(draw: Draw) -> TableParams:
    return drawn(draw, ("wood", "laminate"), ("painted", "metal"), a=draw.uniform(0.26, 0.31),
                 b=draw.uniform(0.34, 0.42), leg=draw.uniform(0.012, 0.016),
                 thick=draw.uniform(0.018, 0.026), box=draw.uniform(0.09, 0.14))  # fmt: skip


def _build_school(params: TableParams, height: float) -> TableForm:
    s = params.size
    a, b, leg, under, deep = s["a"], s["b"], s["leg"], height - s["thick"], s["box"]
    parts = (
        *legs(params, a - 0.04, b - 0.04, under, leg, round_=True, apron=0.0),
        board(params, (a - 0.07, b - 0.07, 0.006), (0.0, 0.0, under - deep)),
        board(params, (a - 0.07, 0.006, 0.5 * deep), (0.0, b - 0.064, under - 0.5 * deep)),
        board(params, (a - 0.07, 0.006, 0.5 * deep), (0.0, 0.064 - b, under - 0.5 * deep)),
        board(params, (0.012, b - 0.05, 0.012), (a - 0.04, 0.0, 0.15)),
    )
    return TableForm(rounded(a, b, 0.03), s["thick"], parts)


def _draw_reception(draw: Draw) -> TableParams:
    return drawn(draw, ("laminate", "wood", "stone"), ("laminate", "wood", "painted"),
                 a=draw.uniform(0.37, 0.43), b=draw.uniform(0.60, 0.85),
                 rise=draw.uniform(0.12, 0.20), depth=draw.uniform(0.10, 0.15),
                 thick=draw.uniform(0.022, 0.034))  # fmt: skip


def _build_reception(params: TableParams, height: float) -> TableForm:
    s = params.size
    a, b, under, rise = s["a"], s["b"], height - s["thick"], s["rise"]
    tall = height + rise
    parts = (
        *panels(params, a - 0.02, b - 0.012, under),
        board(params, (0.011, b, 0.5 * tall), (a + 0.011, 0.0, 0.5 * tall)),
        board(params, (0.5 * s["depth"], b, 0.012), (a + 0.022 - 0.5 * s["depth"], 0.0,
                                                    tall + 0.012), top=True),
    )  # fmt: skip
    return TableForm(rectangle(a, b), s["thick"], parts)


def _draw_cart(draw: Draw) -> TableParams:
    return drawn(draw, ("metal", "wood", "painted"), ("metal", "painted"),
                 a=draw.uniform(0.30, 0.36), b=draw.uniform(0.42, 0.55),
                 rim=draw.uniform(0.012, 0.024), post=draw.uniform(0.012, 0.016),
                 thick=draw.uniform(0.014, 0.022), low=draw.uniform(0.20, 0.30))  # fmt: skip


def _build_cart(params: TableParams, height: float) -> TableForm:
    s = params.size
    a, b, post, under = s["a"], s["b"], s["post"], height - s["thick"]
    x, y = a - post, b - post
    parts = [
        *rim(params, a, b, height, s["rim"]),
        *undershelf(params, a, b, s["low"], top=True),
        pole(params, post, 0.09, under, x, y),
        pole(params, post, 0.09, under, x, -y),
        pole(params, post, 0.09, under, -x, y),
        pole(params, post, 0.09, under, -x, -y),
        board(params, (0.7 * a, 0.010, 0.010), (0.0, b + 0.06, under - 0.02)),
        board(params, (0.010, 0.035, 0.010), (0.7 * a, b + 0.032, under - 0.02)),
        board(params, (0.010, 0.035, 0.010), (-0.7 * a, b + 0.032, under - 0.02)),
    ]
    for i in (-x, x):
        for j in (-y, y):
            parts.append(board(params, (0.040, 0.014, 0.045), (i, j, 0.045)))
    return TableForm(rectangle(a, b), s["thick"], tuple(parts))


def _draw_wall_shelf(draw: Draw) -> TableParams:
    return drawn(draw, ("wood", "painted"), ("painted", "metal", "wood"),
                 a=draw.uniform(0.19, 0.23), b=draw.uniform(0.48, 0.70),
                 back=draw.uniform(0.05, 0.18), thick=draw.uniform(0.020, 0.036))  # fmt: skip


def _build_wall_shelf(params: TableParams, height: float) -> TableForm:
    s = params.size
    a, b, under = s["a"], s["b"], height - s["thick"]
    parts = [
        board(params, (0.010, b, 0.5 * (height + s["back"])),
              (a + 0.010, 0.0, 0.5 * (height + s["back"]))),
    ]  # fmt: skip
    for y in (-0.7 * b, 0.7 * b):
        parts.append(beam(params, (a - 0.01, y, under - 1.3 * a), (-0.6 * a, y, under - 0.02),
                          (0.012, 0.012)))  # fmt: skip
        parts.append(board(params, (0.85 * a, 0.014, 0.008), (0.0, y, under - 0.008)))
    return TableForm(rectangle(a, b), s["thick"], tuple(parts))


def _draw_bookshelf(draw: Draw) -> TableParams:
    return drawn(draw, ("wood", "painted"), ("wood", "painted"), a=draw.uniform(0.21, 0.25),
                 b=draw.uniform(0.50, 0.66), rise=draw.uniform(0.44, 0.52),
                 set_back=draw.uniform(0.12, 0.16), back=draw.uniform(0.02, 0.12),
                 thick=draw.uniform(0.018, 0.026))  # fmt: skip


def _build_bookshelf(params: TableParams, height: float) -> TableForm:
    s = params.size
    a, b, under, rise = s["a"], s["b"], height - s["thick"], s["rise"]
    depth = s["set_back"]
    parts = [
        *panels(params, a, b - 0.011, under)[:2],
        *backboard(params, a + 0.018, b, 0.0, height + s["back"], thick=0.009),
        *overshelf(params, a, b, height, rise, depth),
    ]
    for share in (0.12, 0.55):
        parts += undershelf(params, a - 0.005, b - 0.022, share * under, top=True)
    return TableForm(rectangle(a, b), s["thick"], tuple(parts))


def _draw_two_tier(draw: Draw) -> TableParams:
    return drawn(draw, ("wood", "metal", "laminate"), ("metal", "painted"),
                 a=draw.uniform(0.33, 0.38), b=draw.uniform(0.50, 0.65),
                 rise=draw.uniform(0.42, 0.50), depth=draw.uniform(0.16, 0.20),
                 thick=draw.uniform(0.016, 0.026))  # fmt: skip


def _build_two_tier(params: TableParams, height: float) -> TableForm:
    s = params.size
    a, b, rise, depth = s["a"], s["b"], s["rise"], s["depth"]
    under = height - s["thick"]
    post = 0.014
    x = a - post
    parts = [*legs(params, x, b - post, under, post, apron=0.0)]
    for y in (-b + post, b - post):
        for px in (x, a - depth + post):
            parts.append(board(params, (post, post, 0.5 * rise), (px, y, height + 0.5 * rise)))
    parts.append(board(params, (0.5 * depth, b, 0.010), (a - 0.5 * depth, 0.0,
                                                        height + rise + 0.010), top=True))
    parts += undershelf(params, a - 0.03, b - 0.03, 0.22, top=True)
    return TableForm(rectangle(a, b), s["thick"], tuple(parts))  # fmt: skip


def _draw_shop(draw: Draw) -> TableParams:
    return drawn(draw, ("metal", "painted", "laminate"), ("painted", "metal"),
                 a=draw.uniform(0.24, 0.30), b=draw.uniform(0.50, 0.70),
                 back=draw.uniform(0.12, 0.20), strip=draw.uniform(0.008, 0.016),
                 thick=draw.uniform(0.030, 0.042))  # fmt: skip


def _build_shop(params: TableParams, height: float) -> TableForm:
    s = params.size
    a, b, under, back = s["a"], s["b"], height - s["thick"], s["back"]
    parts = [
        *backboard(params, a + 0.020, b, 0.0, height + back),
        board(params, (0.95 * a, b, 0.06), (0.0, 0.0, 0.06)),
        *rim(params, a, b, height, s["strip"], thick=0.004, sides="n"),
    ]
    for y in (-b + 0.03, b - 0.03):
        parts.append(beam(params, (a - 0.01, y, under - 0.9 * a), (-0.5 * a, y, under - 0.015),
                          (0.008, 0.020)))  # fmt: skip
    for k, z in enumerate((0.05, 0.10, 0.15)):
        if z < back - 0.02:
            for y in (-0.72, -0.36, 0.0, 0.36, 0.72):
                place = (a - 0.025, y * b + 0.02 * (k % 2), height + z)
                parts.append(board(params, (0.025, 0.004, 0.004), place))
    return TableForm(rectangle(a, b), s["thick"], tuple(parts))


def _info(name: str, nouns: tuple[str, ...], top: str, finishes: tuple[str, ...], text: str,
          sizes: str) -> TableInfo:  # fmt: skip
    return TableInfo(name, name.replace("_", " "), nouns, top, finishes, text, sizes)


FAMILIES = (
    TableFamily(_info("folding_table", ("camping table", "table"), "rounded",
                      ("laminate", "painted", "wood"), "A folding table on crossed legs.",
                      "folding tables: 680-780 x 1100-1700 mm"), _draw_folding, _build_folding),
    TableFamily(_info("trestle_table", ("table on trestles", "table"), "rectangle",
                      ("wood", "painted", "laminate"), "A board on two trestles.",
                      "trestle tables: 680-800 x 1200-1700 mm"), _draw_trestle, _build_trestle),
    TableFamily(_info("workbench", ("bench", "work bench"), "rectangle", ("wood",),
                      "A heavy bench with a back panel and a shelf below.",
                      "workbenches: 660-780 x 1200-1600 mm, tops 50-80 mm"),
                _draw_workbench, _build_workbench),
    TableFamily(_info("lab_bench", ("laboratory bench", "bench"), "rectangle",
                      ("stone", "laminate"), "A laboratory bench with a reagent shelf.",
                      "laboratory benches: 740-840 mm deep, reagent shelves 420-500 mm up"),
                _draw_lab, _build_lab),
    TableFamily(_info("prep_table", ("steel table", "preparation table"), "rectangle",
                      ("metal",), "A steel table with an upstand and a shelf below.",
                      "catering tables: 660-760 mm deep, upstands 40-100 mm"),
                _draw_prep, _build_prep),
    TableFamily(_info("standing_desk", ("desk", "office desk"), "rounded",
                      ("wood", "laminate"), "A height-adjustable desk on two columns.",
                      "standing desks: 700-820 x 1200-1700 mm"),
                _draw_standing, _build_standing),
    TableFamily(_info("school_desk", ("desk",), "rounded", ("wood", "laminate"),
                      "A single school desk with a book box.",
                      "school desks: 520-620 x 680-840 mm"), _draw_school, _build_school),
    TableFamily(_info("reception_counter", ("reception desk", "counter"), "rectangle",
                      ("laminate", "wood", "stone"), "A desk behind a raised ledge.",
                      "reception desks: ledges 120-200 mm above the worktop"),
                _draw_reception, _build_reception),
    TableFamily(_info("serving_cart", ("trolley", "cart"), "rectangle",
                      ("metal", "wood", "painted"), "A cart with a rim, a handle and wheels.",
                      "serving carts: 600-720 x 840-1100 mm, rims 12-24 mm"),
                _draw_cart, _build_cart),
    TableFamily(_info("wall_shelf", ("shelf",), "rectangle", ("wood", "painted"),
                      "A deep shelf on brackets before a wall panel.",
                      "deep wall shelves: 380-460 mm"), _draw_wall_shelf, _build_wall_shelf),
    TableFamily(_info("bookshelf", ("bookcase", "shelf"), "rectangle", ("wood", "painted"),
                      "A stepped bookcase; its broad middle board is in reach.",
                      "stepped bookcases: lower part 420-500 mm deep, upper 120-160 mm"),
                _draw_bookshelf, _build_bookshelf),
    TableFamily(_info("two_tier_shelf", ("shelf", "rack"), "rectangle",
                      ("wood", "metal", "laminate"), "A table with a second board set back above.",
                      "two-tier racks: 660-760 mm deep, second tier 420-500 mm up"),
                _draw_two_tier, _build_two_tier),
    TableFamily(_info("shop_shelf", ("store shelf", "shelf"), "rectangle",
                      ("metal", "painted", "laminate"),
                      "A shop shelf with pegs on its back wall and a price strip.",
                      "gondola shelves: 480-600 mm deep, price strips 8-16 mm"),
                _draw_shop, _build_shop),
)  # fmt: skip
