"""A piece of furniture in the physics: MJCF text, and the table top read back from a model.

The top is the body ``table`` and everything else the body ``furniture``; both stand still. The
outline of the top and the uid go into the text as custom data, so that a stored model says all of
it by itself.
"""

from __future__ import annotations

import mujoco
import numpy as np

from datafactory.scene import Table
from datafactory.scene_graph.graph import FURNITURE, TABLE, TABLE_OUTLINE
from datafactory_assets.asset import Shape
from datafactory_assets.tables.asset import Rgba, TableAsset


def furniture_mjcf(
    furniture: TableAsset, center: tuple[float, float], contact: str
) -> tuple[str, str, str]:
    """(bodies, mesh and material assets, custom data) of a table as MJCF text.

    Args:
        furniture: The table.
        center: (x, y) of the middle of its top, world, metres.
        contact: Attributes of the contact model.
    """
    x, y = center
    surface = f'friction="0.8 0.003 0.0008" condim="4" {contact}'
    finishes: dict[tuple[str, Rgba], str] = {}
    meshes: list[str] = []

    def geom(name: str, shape: Shape, finish: str, rgba: Rgba) -> str:
        key = (finish, rgba)
        material = finishes.setdefault(key, f"{FURNITURE}/{len(finishes)}/{finish}")
        form = f'type="{shape.kind}" size="{_numbers(shape.size)}"'
        if shape.kind == "convex":
            form = f'type="mesh" mesh="{name}"'
            meshes.append(f'<mesh name="{name}" vertex="{_numbers(shape.vertices)}"/>')
        return (
            f'<geom name="{name}" {form} pos="{_numbers(shape.position)}" '
            f'quat="{_numbers(shape.quat)}" material="{material}" {surface}/>'
        )

    tops = [
        geom(f"{TABLE}/{k}" if k else TABLE, shape, furniture.finish, furniture.rgba)
        for k, shape in enumerate(furniture.tops)
    ]
    parts = [
        geom(f"{FURNITURE}/{k}", part.shape, part.finish, part.rgba)
        for k, part in enumerate(furniture.parts)
    ]
    place = f'pos="{_numbers((x, y, 0.0))}"'
    bodies = f'<body name="{TABLE}" {place}>{"".join(tops)}</body>'
    if parts:
        bodies += f'<body name="{FURNITURE}" {place}>{"".join(parts)}</body>'
    materials = (
        f'<material name="{name}" rgba="{_numbers(rgba)}"/>' for (_, rgba), name in finishes.items()
    )
    outline = [(x + u, y + v) for u, v in furniture.outline]
    custom = (
        f'<numeric name="{TABLE_OUTLINE}" data="{_numbers(outline)}"/>'
        f'<text name="{TABLE}" data="{furniture.uid}"/>'
    )
    return bodies, "".join([*materials, *meshes]), custom


def table_of(model: mujoco.MjModel) -> Table:
    """The table of a compiled scene: outline and uid too where it is a piece of furniture."""
    geom = model.geom(TABLE)
    height = float(model.body(int(model.geom_bodyid[geom.id])).pos[2] + geom.pos[2] + geom.size[2])
    found = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_NUMERIC, TABLE_OUTLINE)
    if found < 0:
        x, y, _ = (float(v) for v in geom.pos)
        a, b, _ = (float(v) for v in geom.size)
        return Table(center=(x, y), half_extents=(a, b), height=height)
    start, count = int(model.numeric_adr[found]), int(model.numeric_size[found])
    points = np.asarray(model.numeric_data[start : start + count]).reshape(-1, 2)
    low, high = points.min(axis=0), points.max(axis=0)
    (x, y), (a, b) = 0.5 * (low + high), 0.5 * (high - low)
    text = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_TEXT, TABLE)
    first = int(model.text_adr[text])
    uid = bytes(model.text_data[first : first + int(model.text_size[text]) - 1]).decode()
    outline = tuple((float(u), float(v)) for u, v in points)
    return Table((float(x), float(y)), (float(a), float(b)), height, outline, uid)


def _numbers(values: object) -> str:
    return " ".join(f"{float(v):.9g}" for v in np.ravel(np.asarray(values, dtype=np.float64)))
