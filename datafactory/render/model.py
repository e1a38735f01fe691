"""Stage to MuJoCo model: what the MuJoCo renderers (OpenGL, ray caster, Filament) draw.

Every body and every camera is a mocap body, every surface a mesh that collides with nothing, so a
frame is nothing but mocap poses. The model's sizes that renderers compile for do not change from
stage to stage: lengths are absolute (``stat.extent`` is 1) and there are always ``MAX_LIGHTS``
lights plus one for the ambient light, the unused ones switched off.

The classic lighting model works on sRGB values, while a stage's lights are linear. Light by light
the encoded sum grows by what that light adds, so a surface that sees only the ambient light and
one that faces all lights get exactly the linear result, and those in between come close.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from datafactory.errors import SpecError
from datafactory.geometry import quat_multiply, quat_rotate
from datafactory.render.backdrop import srgb_from_linear
from datafactory.render.stage import (
    MAX_LIGHTS,
    Body,
    Bytes,
    Film,
    Intrinsics,
    Light,
    Material,
    Mesh,
    Shot,
    Stage,
)

NEAR_M = 0.01
FAR_M = 50.0
SHADOW_TEXELS = (512, 2048)
"""Smallest and largest side of a shadow map; in between it is twice the largest image."""
CAMERA_TURN = (0.0, 1.0, 0.0, 0.0)
"""OpenCV camera (y down, z forward) from OpenGL camera (y up, z backward), wxyz."""
UNSHADED = ("floor", "room", "arm")
"""Entities a shadow map need not cover: it is sharper where things are handled."""


@dataclass(frozen=True, eq=False)
class RenderModel:
    """A stage and its cameras as a MuJoCo model.

    Mocap body ``i`` is body ``i`` of the stage; the cameras follow, in the order of the shots.

    Attributes:
        model: The compiled model. Camera ``i`` is shot ``i``; cameras have no resolution of their
            own, their intrinsics hold at every multiple of the shot's size.
        entity_of_geom: (ngeom,) uint8 entity of each geom.
        mocap_pos: (F, nmocap, 3) world positions of the mocap bodies, metres.
        mocap_quat: (F, nmocap, 4) world orientations, wxyz.
        textures: Images of the model's textures.
    """

    model: mujoco.MjModel
    entity_of_geom: NDArray[np.uint8]
    mocap_pos: NDArray[np.float64]
    mocap_quat: NDArray[np.float64]
    textures: tuple[Bytes, ...]

    @property
    def frames(self) -> int:
        """Number of frames."""
        return int(self.mocap_pos.shape[0])

    def pose(self, data: mujoco.MjData, frame: int) -> None:
        """Moves bodies, cameras and lights of ``data`` to where they are in a frame."""
        data.mocap_pos[:] = self.mocap_pos[frame]
        data.mocap_quat[:] = self.mocap_quat[frame]
        mujoco.mj_kinematics(self.model, data)
        mujoco.mj_camlight(self.model, data)


def render_model(film: Film, *, facet_m: float | None = None, textures: bool = True) -> RenderModel:
    """Builds the model of a film.

    Args:
        film: Stage, cameras and motion.
        facet_m: Split triangles until no edge is longer, metres, where a renderer computes light
            at vertices only; None leaves the meshes as they are.
        textures: Whether the model holds the images of its textures; a renderer that uploads
            them itself saves the memory.

    Raises:
        SpecError: The stage has more than ``MAX_LIGHTS`` lights, or a mesh MuJoCo refuses.
    """
    stage = film.stage
    if len(stage.lights) > MAX_LIGHTS:
        raise SpecError(
            f"the stage has {len(stage.lights)} lights",
            why=f"renderers draw {MAX_LIGHTS} at most",
            remedy="use fewer lamps",
        )
    spec = mujoco.MjSpec()
    _settings(spec, film)
    builder = _Builder(spec, facet_m, textures)
    for body in stage.bodies:
        builder.add(body)
    for shot in film.shots:
        spec.worldbody.add_body(name=f"camera/{shot.camera}", mocap=True).add_camera(
            name=shot.camera
        )
    _lights(spec, film)
    try:
        model = spec.compile()
    except ValueError as error:
        raise SpecError("the stage cannot be compiled for rendering", why=str(error)) from error
    for index, shot in enumerate(film.shots):
        _intrinsics(model, index, shot.intrinsics)
    entities = np.array(builder.entities, dtype=np.uint8)
    return RenderModel(model, entities, *_mocap(film), tuple(builder.images))


def _settings(spec: mujoco.MjSpec, film: Film) -> None:
    spec.stat.extent = 1.0
    spec.stat.center = np.zeros(3)
    visual = spec.visual
    visual.map.znear, visual.map.zfar = NEAR_M, FAR_M
    visual.headlight.active = 0
    visual.quality.offsamples = 0
    width = film.samples * max((s.intrinsics.width for s in film.shots), default=1)
    height = film.samples * max((s.intrinsics.height for s in film.shots), default=1)
    visual.global_.offwidth, visual.global_.offheight = width, height
    texels = 1 << int(2 * max(width, height) - 1).bit_length()
    visual.quality.shadowsize = int(np.clip(texels, *SHADOW_TEXELS)) if film.shadows else 0


class _Builder:
    """Adds bodies to a spec; meshes, textures and materials used twice are added once."""

    def __init__(self, spec: mujoco.MjSpec, facet_m: float | None, textures: bool) -> None:
        self.spec, self.facet_m, self.textures = spec, facet_m, textures
        self.entities: list[int] = []
        self.images: list[Bytes] = []
        self._names: dict[tuple[str, Any], str] = {}

    def add(self, body: Body) -> None:
        """Adds one mocap body with its surfaces."""
        added = self.spec.worldbody.add_body(name=f"body/{body.name}", mocap=True)
        for surface in body.surfaces:
            added.add_geom(
                type=mujoco.mjtGeom.mjGEOM_MESH,
                meshname=self._mesh(surface.mesh),
                material=self._material(surface.material),
                contype=0,
                conaffinity=0,
                mass=0.0,
            )
            self.entities.append(body.entity)

    def _named(self, kind: str, key: Any) -> tuple[str, bool]:
        name = self._names.get((kind, key))
        if name is not None:
            return name, False
        name = self._names[(kind, key)] = f"{kind}{len(self._names)}"
        return name, True

    def _mesh(self, mesh: Mesh) -> str:
        name, new = self._named("mesh", id(mesh))
        if new:
            fine = mesh if self.facet_m is None else faceted(mesh, self.facet_m)
            faces = np.ascontiguousarray(fine.faces, dtype=np.int32).ravel()
            added = self.spec.add_mesh(name=name)
            added.inertia = mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL
            added.uservert = np.ascontiguousarray(fine.vertices, dtype=np.float32).ravel()
            added.usernormal = np.ascontiguousarray(fine.normals, dtype=np.float32).ravel()
            # Rows of images are stored from the top, where v is 1.
            uv = np.column_stack([fine.uv[:, 0], 1.0 - fine.uv[:, 1]])
            added.usertexcoord = uv.astype(np.float32).ravel()
            added.userface = added.userfacenormal = added.userfacetexcoord = faces
        return name

    def _material(self, material: Material) -> str:
        key = (material.rgb, id(material.texture), material.gloss, material.emission)
        name, new = self._named("material", key)
        if new:
            added = self.spec.add_material(name=name)
            # Emission adds to the light that falls on the colour: less colour, more emission.
            lit = max(1.0 - material.emission, 1e-3)
            added.rgba = (*(lit * channel for channel in material.rgb), 1.0)
            added.emission = material.emission / lit
            added.specular = material.gloss
            added.shininess = 0.1 + 0.8 * material.gloss
            added.reflectance = 0.0
            if material.texture is not None:
                textures = [""] * int(mujoco.mjtTextureRole.mjNTEXROLE)
                textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = self._texture(material.texture)
                added.textures = textures
        return name

    def _texture(self, image: Bytes) -> str:
        name, new = self._named("texture", id(image))
        if new:
            self.images.append(image)
            stored = image if self.textures else image[:1, :1]
            added = self.spec.add_texture(name=name)
            added.type = mujoco.mjtTexture.mjTEXTURE_2D
            added.colorspace = mujoco.mjtColorSpace.mjCOLORSPACE_LINEAR
            added.height, added.width, added.nchannel = stored.shape
            added.data = np.ascontiguousarray(stored).tobytes()
        return name


def faceted(mesh: Mesh, facet_m: float) -> Mesh:
    """Splits every triangle into four, again and again, until no edge is longer than ``facet_m``.

    All triangles are split equally often, so that no cracks open between them.
    """
    corners = mesh.vertices[mesh.faces]
    edges = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=-1)
    times = int(np.ceil(np.log2(max(float(edges.max(initial=0.0)) / facet_m, 1.0))))
    vertices, normals, uv, faces = mesh.vertices, mesh.normals, mesh.uv, mesh.faces
    for _ in range(times):
        a, b, c = faces.T
        pairs = np.sort(np.concatenate([[a, b], [b, c], [c, a]], axis=1), axis=0)
        middles, where = np.unique(pairs, axis=1, return_inverse=True)
        ab, bc, ca = (len(vertices) + where.reshape(3, -1)).astype(np.int32)
        vertices, normals, uv = (
            np.concatenate([x, (x[middles[0]] + x[middles[1]]) / 2])
            for x in (vertices, normals, uv)
        )
        faces = np.concatenate(
            [np.column_stack(t) for t in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))]
        )
    if times:
        normals = normals / np.linalg.norm(normals, axis=1, keepdims=True)
    return Mesh(vertices, normals, faces, uv)


def light_levels(stage: Stage) -> tuple[NDArray[np.float64], list[NDArray[np.float64]]]:
    """Returns the ambient light and the lights (3,) in stage order, for shading in sRGB values.

    Together they add up to the encoded sum of the linear lights, and the ambient light alone to
    the encoded ambient light. The light that casts shadows comes last, so that its shadows are
    what the others add up to.
    """
    total = np.array(stage.ambient, dtype=np.float64)
    before = srgb_from_linear(total).astype(np.float64)
    ambient = before
    levels: dict[int, NDArray[np.float64]] = {}
    for index in sorted(range(len(stage.lights)), key=lambda i: stage.lights[i].shadow):
        total = total + stage.lights[index].rgb
        after = srgb_from_linear(total).astype(np.float64)
        levels[index] = after - before
        before = after
    return ambient, [levels[i] for i in range(len(stage.lights))]


def _lights(spec: mujoco.MjSpec, film: Film) -> None:
    stage = film.stage
    ambient, levels = light_levels(stage)
    # A spot without diffuse light: it carries the ambient light, and because a spot is always
    # there the ray caster needs one kernel only.
    spec.worldbody.add_light(
        name="ambient",
        type=mujoco.mjtLightType.mjLIGHT_SPOT,
        cutoff=180.0,
        exponent=0.0,
        ambient=ambient,
        diffuse=np.zeros(3),
        specular=np.zeros(3),
        castshadow=False,
    )
    center, radius, reach = _shadow_bounds(film)
    for index in range(MAX_LIGHTS):
        added = spec.worldbody.add_light(name=f"light{index}", active=index < len(stage.lights))
        if index >= len(stage.lights):
            added.castshadow = False
            continue
        light = stage.lights[index]
        added.castshadow = light.shadow and film.shadows
        added.ambient = np.zeros(3)
        added.diffuse = levels[index]
        added.specular = levels[index]
        _place(added, light, center, reach)
        if added.castshadow:
            away = float(np.linalg.norm(center - added.pos))
            half_rad = np.arcsin(min(radius / max(away, 1e-6), 0.98))
            spec.visual.map.shadowclip = radius
            spec.visual.map.shadowscale = np.degrees(half_rad) / added.cutoff


def _place(added: Any, light: Light, center: NDArray[np.float64], reach: float) -> None:
    direction = np.array(light.direction, dtype=np.float64)
    if light.kind == "sun":
        added.type = mujoco.mjtLightType.mjLIGHT_DIRECTIONAL
        added.dir = direction
        added.pos = center - direction * reach
        return
    added.type = mujoco.mjtLightType.mjLIGHT_SPOT
    added.cutoff, added.exponent = 180.0, 0.0
    added.pos = np.array(light.position)
    # The shadow map looks along the direction: at what is to have shadows.
    to_center = center - added.pos
    length = float(np.linalg.norm(to_center))
    added.dir = to_center / length if length > 1e-6 else direction


def _shadow_bounds(film: Film) -> tuple[NDArray[np.float64], float, float]:
    """Centre and radius of what shadows fall on, and from how far a sun sees all of the stage."""
    near, every = [], []
    for index, body in enumerate(film.stage.bodies):
        if not body.surfaces:
            continue
        low = np.min([s.mesh.vertices.min(axis=0) for s in body.surfaces], axis=0)
        high = np.max([s.mesh.vertices.max(axis=0) for s in body.surfaces], axis=0)
        pose = film.world_from_body[:, index]
        middle = np.broadcast_to((low + high) / 2, (len(pose), 3))
        radii = np.full((len(pose), 1), np.linalg.norm(high - low) / 2)
        every.append(np.hstack([pose[:, :3] + quat_rotate(pose[:, 3:], middle), radii]))
        if film.stage.entities[body.entity] not in UNSHADED:
            near.append(every[-1])
    if not every:
        return np.zeros(3), 1.0, 1.0
    balls = np.concatenate(near or every)
    lowest = (balls[:, :3] - balls[:, 3:]).min(axis=0)
    center = (lowest + (balls[:, :3] + balls[:, 3:]).max(axis=0)) / 2
    return center, _reach(center, balls), min(_reach(center, np.concatenate(every)), 0.8 * FAR_M)


def _reach(center: NDArray[np.float64], balls: NDArray[np.float64]) -> float:
    return float((np.linalg.norm(balls[:, :3] - center, axis=1) + balls[:, 3]).max()) + NEAR_M


def _intrinsics(model: mujoco.MjModel, camera: int, intrinsics: Intrinsics) -> None:
    """Sets a pinhole in units of pixels: MuJoCo's principal point is the offset from the middle."""
    i = intrinsics
    model.cam_resolution[camera] = (i.width, i.height)
    model.cam_sensorsize[camera] = (i.width, i.height)
    model.cam_intrinsic[camera] = (i.fx, i.fy, i.width / 2 - i.cx, i.height / 2 - i.cy)
    model.cam_fovy[camera] = np.degrees(2 * np.arctan(i.height / (2 * i.fy)))


def _mocap(film: Film) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    poses: Sequence[NDArray[np.float64]] = [film.world_from_body, *map(_opengl_poses, film.shots)]
    together = np.concatenate(poses, axis=1)
    return np.ascontiguousarray(together[..., :3]), np.ascontiguousarray(together[..., 3:])


def _opengl_poses(shot: Shot) -> NDArray[np.float64]:
    pose = shot.world_from_camera
    turned = quat_multiply(pose[:, 3:], np.broadcast_to(CAMERA_TURN, (len(pose), 4)))
    return np.hstack([pose[:, :3], turned])[:, None]
