"""Object files of every kind as coloured meshes in metres, z up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from datafactory_assets.convert.description import UNITS_M, Description
from datafactory_assets.convert.parts import (
    MESHES,
    Part,
    read_parts,
    require_triangles,
    up_axis,
    z_up,
)
from datafactory_assets.errors import AssetError


def read_object(path: Path, said: Description) -> tuple[Part, ...]:
    """Reads an object file with the unit, scale and axis that are said or usual.

    Raises:
        AssetError: The file cannot be read as one rigid object.
    """
    suffix = path.suffix.lower()
    if suffix in MESHES:
        scale = said.scale * UNITS_M[said.units]
        return z_up(read_parts(path), up_axis(path, said.up), scale)
    if suffix == ".urdf":
        parts = _urdf(path)
    elif suffix == ".xml":
        parts = _mjcf(path)
    else:
        parts = _usd(path)
    return z_up(parts, said.up or "z", said.scale)


def _mjcf(path: Path) -> tuple[Part, ...]:
    import mujoco

    try:
        model = mujoco.MjModel.from_xml_path(str(path))
    except ValueError as error:
        raise AssetError("MuJoCo cannot compile the file", where=str(path), why=str(error),
                         remedy="correct the file") from error  # fmt: skip
    return model_parts(model, path)


def _urdf(path: Path) -> tuple[Part, ...]:
    import mujoco

    from datafactory_assets.urdf.importer import import_urdf

    imported = import_urdf(path, fixed=True)
    return model_parts(mujoco.MjModel.from_xml_string(imported.mjcf, dict(imported.files)), path)


def model_parts(model: Any, path: Path) -> tuple[Part, ...]:
    """Meshes of a compiled model at its initial pose; those that are only drawn, if there are any.

    Raises:
        AssetError: The model has joints between its bodies.
    """
    import mujoco

    free = mujoco.mjtJoint.mjJNT_FREE
    if model.njnt > 1 or (model.njnt == 1 and model.jnt_type[0] != free):
        raise AssetError(
            "an articulated model is not one rigid object",
            where=str(path),
            why=f"it has {model.njnt} joints",
            remedy="give the file of one link",
        )
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    solid = [g for g in range(model.ngeom) if model.geom_type[g] != mujoco.mjtGeom.mjGEOM_PLANE]
    drawn = [g for g in solid if not model.geom_contype[g] and not model.geom_conaffinity[g]]
    parts = []
    for g in drawn or solid:
        vertices, faces = _geom(model, g)
        placed = vertices @ data.geom_xmat[g].reshape(3, 3).T + data.geom_xpos[g]
        r, g_, b, a = (round(float(v), 4) for v in model.geom_rgba[g])
        rgba = None if (r, g_, b) == (0.5, 0.5, 0.5) else (r, g_, b, a)
        parts.append(Part(model.geom(g).name or f"part{g}", placed, faces, rgba))
    return require_triangles(path, parts)


def _geom(model: Any, g: int) -> tuple[Any, Any]:
    """Vertices and faces of one geometry in its own frame."""
    import mujoco
    import trimesh

    kind, size = int(model.geom_type[g]), model.geom_size[g]
    if kind == mujoco.mjtGeom.mjGEOM_MESH:
        m = int(model.geom_dataid[g])
        v, f = model.mesh_vertadr[m], model.mesh_faceadr[m]
        vertices = model.mesh_vert[v : v + model.mesh_vertnum[m]].astype(np.float64)
        return vertices, model.mesh_face[f : f + model.mesh_facenum[m]].astype(np.int64)
    if kind == mujoco.mjtGeom.mjGEOM_BOX:
        mesh = trimesh.creation.box(2.0 * size)
    elif kind == mujoco.mjtGeom.mjGEOM_CYLINDER:
        mesh = trimesh.creation.cylinder(size[0], 2.0 * size[1], sections=32)
    elif kind == mujoco.mjtGeom.mjGEOM_CAPSULE:
        mesh = trimesh.creation.capsule(2.0 * size[1], size[0])
    else:
        mesh = trimesh.creation.icosphere(3, 1.0)
        mesh.apply_scale(size[:1].repeat(3) if kind == mujoco.mjtGeom.mjGEOM_SPHERE else size)
    return np.array(mesh.vertices), np.array(mesh.faces, dtype=np.int64)


def _usd(path: Path) -> tuple[Part, ...]:
    try:
        from pxr import Usd, UsdGeom
    except ImportError as error:
        raise AssetError("OpenUSD is not installed", where=str(path), why=str(error),
                         remedy="pip install 'datafactory[exchange]'") from error  # fmt: skip
    try:
        stage = Usd.Stage.Open(str(path))
    except Exception as error:  # OpenUSD raises its own types
        raise AssetError("OpenUSD cannot open the file", where=str(path), why=str(error),
                         remedy="correct the file") from error  # fmt: skip
    scale = float(UsdGeom.GetStageMetersPerUnit(stage))
    up = "y" if UsdGeom.GetStageUpAxis(stage) == UsdGeom.Tokens.y else "z"
    cache, parts = UsdGeom.XformCache(), []
    for prim in stage.Traverse():
        if not prim.IsA(UsdGeom.Mesh):
            continue
        mesh = UsdGeom.Mesh(prim)
        points = np.array(mesh.GetPointsAttr().Get() or [], dtype=np.float64).reshape(-1, 3)
        matrix = np.array(cache.GetLocalToWorldTransform(prim), dtype=np.float64)
        counts = np.array(mesh.GetFaceVertexCountsAttr().Get() or [], dtype=np.int64)
        corners = np.array(mesh.GetFaceVertexIndicesAttr().Get() or [], dtype=np.int64)
        colours = mesh.GetDisplayColorAttr().Get()
        rgba = None
        if colours:
            r, g, b = (round(float(v), 4) for v in np.array(colours).mean(axis=0))
            rgba = (r, g, b, 1.0)
        points = points @ matrix[:3, :3] + matrix[3, :3]
        parts.append(Part(prim.GetName(), points, _fans(counts, corners), rgba))
    return z_up(require_triangles(path, parts), up, scale)


def _fans(counts: Any, corners: Any) -> Any:
    """Triangles (m, 3) of convex polygons."""
    start = np.cumsum(counts) - counts
    fans = [
        (corners[s], corners[s + k], corners[s + k + 1])
        for s, n in zip(start, counts, strict=True)
        for k in range(1, n - 1)
    ]
    return np.array(fans, dtype=np.int64).reshape(-1, 3)
