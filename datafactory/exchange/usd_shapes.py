"""Collision geometry of a MuJoCo model as OpenUSD shapes with UsdPhysics colliders."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np

from datafactory.exchange.usd_layer import ROOT, set_pose

_KINDS = mujoco.mjtGeom
_PLANE_HALF_M = 10.0  # what is drawn of a plane that states no size


class Shapes:
    """Adds a model's geoms to a stage; friction materials are shared.

    Attributes:
        skipped: Names of geoms that OpenUSD cannot express.
    """

    def __init__(self, stage: Any, model: mujoco.MjModel, *, hidden: bool) -> None:
        self.skipped: list[str] = []
        self._stage = stage
        self._model = model
        self._hidden = hidden
        self._frictions: dict[float, Any] = {}

    def add(self, geom: int, path: str, place: Any) -> bool:
        """Adds one geom.

        Args:
            geom: Geom number.
            path: Path of the prim to make.
            place: (7,) pose of the geom in the frame of the prim above.

        Returns:
            Whether the geom could be expressed.
        """
        from pxr import UsdGeom, UsdPhysics

        prim = self._shape(geom, path, place)
        if prim is None:
            self.skipped.append(str(self._model.geom(geom).name))
            return False
        form = UsdGeom.Gprim(prim)
        form.CreateDisplayColorAttr([tuple(float(c) for c in self._model.geom_rgba[geom, :3])])
        if self._hidden:
            form.CreatePurposeAttr(UsdGeom.Tokens.guide)
        if self._model.geom_contype[geom] or self._model.geom_conaffinity[geom]:
            UsdPhysics.CollisionAPI.Apply(prim)
            self._bind(prim, float(self._model.geom_friction[geom, 0]))
        return True

    def _shape(self, geom: int, path: str, place: Any) -> Any:
        from pxr import Gf, UsdGeom

        kind = _KINDS(int(self._model.geom_type[geom]))
        size = self._model.geom_size[geom].tolist()
        if kind in (_KINDS.mjGEOM_MESH, _KINDS.mjGEOM_ELLIPSOID):
            return self._convex(geom, path, place)
        if kind == _KINDS.mjGEOM_BOX:
            made = UsdGeom.Cube.Define(self._stage, path)
            made.CreateSizeAttr(2.0)
        elif kind == _KINDS.mjGEOM_SPHERE:
            made = UsdGeom.Sphere.Define(self._stage, path)
            made.CreateRadiusAttr(size[0])
        elif kind in (_KINDS.mjGEOM_CYLINDER, _KINDS.mjGEOM_CAPSULE):
            round_ends = kind == _KINDS.mjGEOM_CAPSULE
            made = (UsdGeom.Capsule if round_ends else UsdGeom.Cylinder).Define(self._stage, path)
            made.CreateRadiusAttr(size[0])
            made.CreateHeightAttr(2.0 * size[1])
            made.CreateAxisAttr(UsdGeom.Tokens.z)
        elif kind == _KINDS.mjGEOM_PLANE:
            made = UsdGeom.Plane.Define(self._stage, path)
            made.CreateWidthAttr(2.0 * (size[0] or _PLANE_HALF_M))
            made.CreateLengthAttr(2.0 * (size[1] or _PLANE_HALF_M))
            made.CreateAxisAttr(UsdGeom.Tokens.z)
        else:
            return None
        set_pose(made.GetPrim(), place)
        if kind == _KINDS.mjGEOM_BOX:
            scale = UsdGeom.Xformable(made).AddScaleOp(UsdGeom.XformOp.PrecisionDouble)
            scale.Set(Gf.Vec3d(*size))
        made.CreateExtentAttr(UsdGeom.Boundable.ComputeExtentFromPlugins(made, 0.0))
        return made.GetPrim()

    def _convex(self, geom: int, path: str, place: Any) -> Any:
        """A mesh or an ellipsoid, as a mesh whose convex hull collides: MuJoCo's rule."""
        from pxr import UsdGeom, UsdPhysics, Vt

        points, faces = self._triangles(geom)
        made = UsdGeom.Mesh.Define(self._stage, path)
        made.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(points))
        made.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(faces.ravel()))
        made.CreateFaceVertexCountsAttr(Vt.IntArray([3] * len(faces)))
        made.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
        made.CreateExtentAttr(UsdGeom.PointBased.ComputeExtent(made.GetPointsAttr().Get()))
        set_pose(made.GetPrim(), place)
        collision = UsdPhysics.MeshCollisionAPI.Apply(made.GetPrim())
        collision.CreateApproximationAttr(UsdPhysics.Tokens.convexHull)
        return made.GetPrim()

    def _triangles(self, geom: int) -> tuple[Any, Any]:
        model = self._model
        if model.geom_type[geom] == _KINDS.mjGEOM_ELLIPSOID:
            from trimesh.creation import icosphere

            ball = icosphere(subdivisions=2)
            points, faces = ball.vertices * model.geom_size[geom], ball.faces
        else:
            mesh = model.mesh(int(model.geom_dataid[geom]))
            first, count = int(mesh.vertadr[0]), int(mesh.vertnum[0])
            points = model.mesh_vert[first : first + count]
            first, count = int(mesh.faceadr[0]), int(mesh.facenum[0])
            faces = model.mesh_face[first : first + count]
        return np.ascontiguousarray(points, np.float32), np.ascontiguousarray(faces, np.int32)

    def _bind(self, prim: Any, friction: float) -> None:
        """Sliding friction, for both states: MuJoCo knows one coefficient."""
        from pxr import UsdPhysics, UsdShade

        if friction not in self._frictions:
            path = f"{ROOT}/materials/friction_{len(self._frictions)}"
            self._stage.DefinePrim(f"{ROOT}/materials", "Scope")
            made = UsdShade.Material.Define(self._stage, path)
            api = UsdPhysics.MaterialAPI.Apply(made.GetPrim())
            api.CreateStaticFrictionAttr(friction)
            api.CreateDynamicFrictionAttr(friction)
            api.CreateRestitutionAttr(0.0)
            self._frictions[friction] = made
        UsdShade.MaterialBindingAPI.Apply(prim).Bind(
            self._frictions[friction], UsdShade.Tokens.weakerThanDescendants, "physics"
        )
