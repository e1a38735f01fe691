"""A film as OpenUSD: meshes, materials, lights, sky and cameras in one layer, motion in another.

Units of light: a white, matte surface that a light of colour 1 hits head-on has radiance 1, so a
sun's irradiance is pi times its colour. A lamp's light falls off with distance in OpenUSD; it is as
bright as stated at the table. A sky is dimmed or brightened so that it gives the stage's ambient
light to what faces up. The room casts no shadow: its walls stand where light comes from.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datafactory.exchange.usd_layer import (
    ROOT,
    identifiers,
    label,
    linear,
    moves,
    new_layer,
    require_usd,
    set_pose,
    set_pose_samples,
)
from datafactory.exchange.usd_sky import WORLD_FROM_DOME, light_from_above, write_sky
from datafactory.geometry import quat_from_matrix, quat_multiply
from datafactory.render.stage import Body, Film, Intrinsics, Light, Material, Mesh, Shot

SCENE_FILE = "scene.usdc"
FILM_FILE = "film.usdc"
OPENCV_FROM_USD = (0.0, 1.0, 0.0, 0.0)
"""OpenUSD cameras look along -z with y up, ours along z with y down."""
_FOCAL = 24.0  # arbitrary: only its ratio to the aperture matters
_CLIP_M = (0.01, 100.0)
_SUN_DEG = 0.53  # the sun's diameter
_LAMP_M = 0.05
_ROUGHEST = 0.05  # a perfect mirror is drawn badly by most renderers
_ROOM, _TABLE = "room", "table"
_RESERVED = ("materials", "lights", "cameras", "physics")


@dataclass(frozen=True)
class FilmFiles:
    """Where a film was written.

    Attributes:
        root: Layer to open; it has the scene as its sublayer.
        cameras: Prim path by camera name.
        bodies: Prim path by body name.
    """

    root: Path
    cameras: dict[str, str]
    bodies: dict[str, str]


def write_stage(film: Film, folder: Path, fps: int = 10) -> FilmFiles:
    """Writes a film: ``scene.usdc`` with all that can be seen, ``film.usdc`` with its motion.

    Time code k is frame k. Bodies and cameras that never move have no time samples. Textures and
    the sky lie beside as PNG and Radiance files.

    Args:
        film: What is to be rendered.
        folder: Existing folder.
        fps: Time codes per second.

    Raises:
        MissingPartError: OpenUSD is not installed.
    """
    require_usd()
    stage = film.stage
    names = identifiers([b.name for b in stage.bodies], _RESERVED)
    bodies = {name: f"{ROOT}/{given}" for name, given in names.items()}
    scene = new_layer(folder / SCENE_FILE)
    for body, pose in zip(stage.bodies, film.world_from_body[0], strict=True):
        set_pose(scene.DefinePrim(bodies[body.name], "Xform"), pose)
    materials = Materials(scene, folder)
    for body in stage.bodies:
        add_surfaces(scene, bodies[body.name], body, materials)
        label(scene.GetPrimAtPath(bodies[body.name]), "class", stage.entities[body.entity])
    add_lights(scene, film, folder, bodies)
    cameras = add_cameras(scene, film.shots)
    scene.GetRootLayer().Save()

    motion = new_layer(folder / FILM_FILE, fps, len(film.world_from_body))
    layer = motion.GetRootLayer()
    for k, body in enumerate(stage.bodies):
        if moves(film.world_from_body[:, k]):
            set_pose_samples(layer, bodies[body.name], film.world_from_body[:, k])
    add_camera_motion(layer, film.shots, cameras)
    layer.subLayerPaths.append(f"./{SCENE_FILE}")
    layer.Save()
    return FilmFiles(folder / FILM_FILE, cameras, bodies)


def add_surfaces(scene: Any, path: str, body: Body, materials: Materials) -> None:
    """Adds what is drawn of a body as meshes below its prim."""
    given = identifiers([f"{s.name}_{k}" for k, s in enumerate(body.surfaces)])
    for surface, name in zip(body.surfaces, given.values(), strict=True):
        prim = _add_mesh(
            scene, f"{path}/{name}", surface.mesh, surface.material.texture is not None
        )
        materials.bind(prim, surface.material)


def _add_mesh(scene: Any, path: str, mesh: Mesh, textured: bool) -> Any:
    from pxr import Sdf, UsdGeom, Vt

    made = UsdGeom.Mesh.Define(scene, path)
    made.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(mesh.vertices)))
    made.CreateNormalsAttr(Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(mesh.normals)))
    made.SetNormalsInterpolation(UsdGeom.Tokens.vertex)
    faces = np.ascontiguousarray(mesh.faces, dtype=np.int32)
    made.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(faces.ravel()))
    made.CreateFaceVertexCountsAttr(Vt.IntArray([3] * len(faces)))
    made.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    made.CreateExtentAttr(UsdGeom.PointBased.ComputeExtent(made.GetPointsAttr().Get()))
    if textured:
        st = UsdGeom.PrimvarsAPI(made).CreatePrimvar(
            "st", Sdf.ValueTypeNames.TexCoord2fArray, UsdGeom.Tokens.vertex
        )
        st.Set(Vt.Vec2fArray.FromNumpy(np.ascontiguousarray(mesh.uv)))
    return made.GetPrim()


class Materials:
    """The materials of one layer: equal ones are written once."""

    def __init__(self, scene: Any, folder: Path) -> None:
        self._scene = scene
        self._folder = folder
        self._made: dict[tuple[Any, ...], Any] = {}
        self._files: dict[int, tuple[Any, str]] = {}

    def bind(self, prim: Any, material: Material) -> None:
        """Gives a prim a material, which is made when it is the first of its kind."""
        from pxr import UsdShade

        file = self._texture(material)
        key = (material.rgb, file, material.gloss, material.emission)
        if key not in self._made:
            self._made[key] = self._make(material, file)
        UsdShade.MaterialBindingAPI.Apply(prim).Bind(self._made[key])

    def _texture(self, material: Material) -> str:
        """Path of the material's texture relative to the layer; empty without one."""
        texture = material.texture
        if texture is None:
            return ""
        if id(texture) not in self._files:
            from PIL import Image

            key = hashlib.blake2b(texture.tobytes(), digest_size=4).hexdigest()
            (given,) = identifiers([material.texture_name or "texture"]).values()
            file = f"./textures/{given}_{key}.png"
            (self._folder / "textures").mkdir(exist_ok=True)
            Image.fromarray(texture).save(self._folder / file)
            # The array is kept, or its id could be given to another one.
            self._files[id(texture)] = (texture, file)
        return self._files[id(texture)][1]

    def _make(self, material: Material, file: str) -> Any:
        from pxr import Gf, Sdf, UsdShade

        path = f"{ROOT}/materials/m{len(self._made):03d}"
        self._scene.DefinePrim(f"{ROOT}/materials", "Scope")
        made = UsdShade.Material.Define(self._scene, path)
        shader = UsdShade.Shader.Define(self._scene, f"{path}/surface")
        shader.CreateIdAttr("UsdPreviewSurface")
        kinds = Sdf.ValueTypeNames
        shader.CreateInput("metallic", kinds.Float).Set(0.0)
        shader.CreateInput("roughness", kinds.Float).Set(max(1.0 - material.gloss, _ROUGHEST))
        shares = {"diffuseColor": 1.0 - material.emission, "emissiveColor": material.emission}
        for name, share in shares.items():
            colour = [share * c for c in linear(material.rgb)]
            slot = shader.CreateInput(name, kinds.Color3f)
            if file and share > 0.0:
                slot.ConnectToSource(self._sampler(path, name, file, colour))
            else:
                slot.Set(Gf.Vec3f(*colour))
        output = shader.CreateOutput("surface", kinds.Token)
        made.CreateSurfaceOutput().ConnectToSource(output)
        return made

    def _sampler(self, path: str, name: str, file: str, colour: list[float]) -> Any:
        """Output of a texture times a linear colour."""
        from pxr import Gf, Sdf, UsdShade

        kinds = Sdf.ValueTypeNames
        reader = UsdShade.Shader.Define(self._scene, f"{path}/st")
        reader.CreateIdAttr("UsdPrimvarReader_float2")
        reader.CreateInput("varname", kinds.String).Set("st")
        coordinates = reader.CreateOutput("result", kinds.Float2)
        texture = UsdShade.Shader.Define(self._scene, f"{path}/{name}_texture")
        texture.CreateIdAttr("UsdUVTexture")
        texture.CreateInput("file", kinds.Asset).Set(Sdf.AssetPath(file))
        texture.CreateInput("st", kinds.Float2).ConnectToSource(coordinates)
        texture.CreateInput("wrapS", kinds.Token).Set("repeat")
        texture.CreateInput("wrapT", kinds.Token).Set("repeat")
        texture.CreateInput("sourceColorSpace", kinds.Token).Set("sRGB")
        texture.CreateInput("scale", kinds.Float4).Set(Gf.Vec4f(*colour, 1.0))
        return texture.CreateOutput("rgb", kinds.Float3)


def add_lights(scene: Any, film: Film, folder: Path, bodies: Mapping[str, str]) -> None:
    """Adds the lights of a film, and its sky as a dome light.

    Args:
        scene: ``Usd.Stage`` to add to.
        film: What is rendered.
        folder: Folder of the layer; the sky's file is made in it.
        bodies: Prim path by body name.
    """
    from pxr import Sdf, UsdLux

    scene.DefinePrim(f"{ROOT}/lights", "Scope")
    prims = []
    for k, light in enumerate(film.stage.lights):
        prim = _add_light(scene, f"{ROOT}/lights/{light.kind}_{k}", light, _middle(film))
        UsdLux.ShadowAPI.Apply(prim).CreateShadowEnableAttr(light.shadow and film.shadows)
        prims.append(prim)
    ambient, sky = film.stage.ambient, film.stage.sky
    dome = UsdLux.DomeLight.Define(scene, f"{ROOT}/lights/sky")
    if sky is None:
        _set_colour(dome, ambient, 1.0)
    else:
        write_sky(folder / "sky.hdr", sky)
        dome.CreateTextureFileAttr(Sdf.AssetPath("./sky.hdr"))
        dome.CreateTextureFormatAttr(UsdLux.Tokens.latlong)
        given = max(float(light_from_above(sky).mean()), 1e-6)
        dome.CreateIntensityAttr(float(np.mean(ambient)) / given)
        set_pose(dome.GetPrim(), (0.0, 0.0, 0.0, *WORLD_FROM_DOME))
    for prim in (*prims, dome.GetPrim()):
        if _ROOM in bodies:
            linked = UsdLux.LightAPI(prim).GetShadowLinkCollectionAPI()
            linked.CreateExcludesRel().AddTarget(bodies[_ROOM])


def _middle(film: Film) -> NDArray[np.float64]:
    """(3,) where lamps are as bright as stated: the table, or the middle of all bodies."""
    names = [body.name for body in film.stage.bodies]
    if not names:
        return np.zeros(3)
    places = film.world_from_body[0, :, :3]
    middle: NDArray[np.float64] = (
        places[names.index(_TABLE)] if _TABLE in names else places.mean(axis=0)
    )
    return middle


def _add_light(scene: Any, path: str, light: Light, middle: NDArray[np.float64]) -> Any:
    from pxr import UsdLux

    if light.kind == "sun":
        sun = UsdLux.DistantLight.Define(scene, path)
        sun.CreateAngleAttr(_SUN_DEG)
        sun.CreateNormalizeAttr(True)
        _set_colour(sun, light.rgb, math.pi)
        set_pose(sun.GetPrim(), (*light.position, *_along(light.direction)))
        return sun.GetPrim()
    lamp = UsdLux.SphereLight.Define(scene, path)
    lamp.CreateRadiusAttr(_LAMP_M)
    distance = float(np.linalg.norm(np.asarray(light.position) - middle))
    _set_colour(lamp, light.rgb, (max(distance, _LAMP_M) / _LAMP_M) ** 2)
    set_pose(lamp.GetPrim(), (*light.position, 1.0, 0.0, 0.0, 0.0))
    return lamp.GetPrim()


def _set_colour(light: Any, rgb: tuple[float, float, float], factor: float) -> None:
    from pxr import Gf

    peak = max(*rgb, 1e-9)
    light.CreateColorAttr(Gf.Vec3f(*(c / peak for c in rgb)))
    light.CreateIntensityAttr(peak * factor)


def _along(direction: tuple[float, float, float]) -> NDArray[np.float64]:
    """(4,) orientation, wxyz, that turns -z into a unit direction."""
    z = -np.asarray(direction, dtype=np.float64)
    x = np.cross((0.0, 1.0, 0.0) if abs(z[1]) < 0.9 else (1.0, 0.0, 0.0), z)
    x /= np.linalg.norm(x)
    return quat_from_matrix(np.stack([x, np.cross(z, x), z], axis=1))


def world_from_usd_camera(shot: Shot) -> NDArray[np.float64]:
    """(F, 7) poses of a shot's camera with OpenUSD's camera axes."""
    quats = quat_multiply(shot.world_from_camera[:, 3:], np.array([OPENCV_FROM_USD]))
    return np.concatenate([shot.world_from_camera[:, :3], quats], axis=1)


def add_cameras(scene: Any, shots: tuple[Shot, ...]) -> dict[str, str]:
    """Adds cameras at their first pose; returns prim path by camera name."""
    given = identifiers([shot.camera for shot in shots])
    paths = {name: f"{ROOT}/cameras/{prim}" for name, prim in given.items()}
    if shots:
        scene.DefinePrim(f"{ROOT}/cameras", "Scope")
    for shot in shots:
        prim = _add_camera(scene, paths[shot.camera], shot.intrinsics)
        set_pose(prim, world_from_usd_camera(shot)[0])
    return paths


def add_camera_motion(layer: Any, shots: tuple[Shot, ...], paths: dict[str, str]) -> None:
    """Writes the poses of cameras that move into a layer."""
    for shot in shots:
        poses = world_from_usd_camera(shot)
        if moves(poses):
            set_pose_samples(layer, paths[shot.camera], poses)


def _add_camera(scene: Any, path: str, lens: Intrinsics) -> Any:
    """A pinhole camera; its aperture's offset is the principal point's."""
    from pxr import Gf, UsdGeom

    camera = UsdGeom.Camera.Define(scene, path)
    camera.CreateFocalLengthAttr(_FOCAL)
    camera.CreateHorizontalApertureAttr(_FOCAL * lens.width / lens.fx)
    camera.CreateVerticalApertureAttr(_FOCAL * lens.height / lens.fy)
    camera.CreateHorizontalApertureOffsetAttr(_FOCAL * (0.5 * lens.width - lens.cx) / lens.fx)
    camera.CreateVerticalApertureOffsetAttr(_FOCAL * (lens.cy - 0.5 * lens.height) / lens.fy)
    camera.CreateClippingRangeAttr(Gf.Vec2f(*_CLIP_M))
    return camera.GetPrim()
