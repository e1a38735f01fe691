"""What a renderer is given and what it gives back; plain values, the same for every renderer.

A stage is everything that can be seen, as triangle meshes with materials on rigid bodies. Frames
are world poses of those bodies and of the cameras, so a renderer needs no joints and no physics.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

BACKGROUND = 0
"""Segmentation value of pixels that show no body: the sky."""


@dataclass(frozen=True, eq=False)
class Mesh:
    """A triangle mesh in its body's frame. Vertices are not shared across hard edges and seams.

    Attributes:
        vertices: (n, 3) float32, metres.
        normals: (n, 3) float32 unit vertex normals.
        faces: (m, 3) int32, counter-clockwise seen from outside.
        uv: (n, 2) float32 texture coordinates, v up (v = 1 is row 0 of the image); repeats outside
            [0, 1]. Zeros when the material has no texture.
    """

    vertices: Floats
    normals: Floats
    faces: NDArray[np.int32]
    uv: Floats


@dataclass(frozen=True, eq=False)
class Material:
    """How a surface looks.

    Attributes:
        rgb: sRGB colour in [0, 1]; multiplies the texture.
        texture: (h, w, 3) uint8 sRGB, row 0 at v = 1; None for a plain colour.
        texture_name: Name of the texture, such as ``wood/017``; empty without one.
        gloss: 0 matte to 1 mirror-like; strength of highlights.
        emission: Fraction of the colour that is emitted: 0 ordinary, 1 shown as it is, unlit.
    """

    rgb: tuple[float, float, float]
    texture: Bytes | None = None
    texture_name: str = ""
    gloss: float = 0.1
    emission: float = 0.0


@dataclass(frozen=True, eq=False)
class Surface:
    """One mesh with one material."""

    name: str
    mesh: Mesh
    material: Material


@dataclass(frozen=True, eq=False)
class Body:
    """A rigid body of the stage.

    Attributes:
        name: Unique name, such as ``object/a`` or ``robot/link3``; the physics model's body name
            for bodies that move, ``floor``, ``table`` or ``room`` for the rest.
        entity: Index into ``Stage.entities``: what its pixels are labelled with.
        surfaces: What is drawn, in the body's frame.
    """

    name: str
    entity: int
    surfaces: tuple[Surface, ...]


@dataclass(frozen=True)
class Light:
    """One light.

    Attributes:
        kind: ``sun`` (parallel rays) or ``lamp`` (from a point in all directions).
        position: (3,) world, metres; of a sun only a point it seems to come from.
        direction: (3,) unit vector, world, in which the light travels.
        rgb: Linear colour times intensity; 1 lights a white surface fully head-on.
        shadow: Whether it casts shadows; at most one light of a stage does.
    """

    kind: str
    position: tuple[float, float, float]
    direction: tuple[float, float, float]
    rgb: tuple[float, float, float]
    shadow: bool


MAX_LIGHTS = 4
"""Lights of a stage, at most: renderers compile for exactly this number once."""


@dataclass(frozen=True, eq=False)
class Stage:
    """Everything that can be seen.

    Attributes:
        entities: Labels of segmentation values: ``background`` first, then ``floor``, ``table``,
            ``room``, ``arm``, ``gripper``, then the objects' role names in episode order.
        bodies: All bodies.
        lights: At most ``MAX_LIGHTS``.
        ambient: (3,) linear light from all sides.
        sky: (h, 2h, 3) float32 linear radiance, equirectangular as in ``skies``; None for black.
        sky_name: Name of the sky; empty without one.
    """

    entities: tuple[str, ...]
    bodies: tuple[Body, ...]
    lights: tuple[Light, ...]
    ambient: tuple[float, float, float]
    sky: Floats | None = None
    sky_name: str = ""


@dataclass(frozen=True)
class Intrinsics:
    """A pinhole camera. Pixel (0, 0) is the top left one and its centre is at (0.5, 0.5).

    A point (x, y, z) in the camera's frame (OpenCV: x right, y down, z forward) is seen at
    u = fx x / z + cx, v = fy y / z + cy, so it falls on pixel (floor(u), floor(v)).

    Attributes:
        width, height: Image size, pixels.
        fx, fy: Focal lengths, pixels.
        cx, cy: Principal point, pixels from the image's top left corner.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float


@dataclass(frozen=True, eq=False)
class Shot:
    """One camera over F frames.

    Attributes:
        camera: Camera name.
        intrinsics: Pinhole parameters of all frames.
        world_from_camera: (F, 7) float64 xyz + wxyz, OpenCV axes.
    """

    camera: str
    intrinsics: Intrinsics
    world_from_camera: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Film:
    """What is to be rendered: every frame from every camera.

    Attributes:
        stage: What can be seen.
        world_from_body: (F, n_bodies, 7) float64 xyz + wxyz in the order of ``stage.bodies``.
        shots: The cameras.
        shadows: Whether shadows are drawn.
        depth: Whether depth is wanted.
        samples: Anti-aliasing samples along each axis of a pixel, 1 or 2.
    """

    stage: Stage
    world_from_body: NDArray[np.float64]
    shots: tuple[Shot, ...]
    shadows: bool = True
    depth: bool = True
    samples: int = 1


@dataclass(frozen=True, eq=False)
class Images:
    """The frames of one camera.

    Attributes:
        rgb: (F, h, w, 3) uint8 sRGB.
        depth_m: (F, h, w) float32 metres along the camera's z axis; 0 where there is only sky, and
            everywhere when the film wants no depth.
        entity: (F, h, w) uint8 index into ``Stage.entities``.
    """

    rgb: Bytes
    depth_m: Floats
    entity: Bytes


class Renderer(Protocol):
    """A renderer plugin: ``datafactory.renderers`` entry points give a class without arguments.

    Making one raises ``MissingPartError`` when what it needs is not on this machine; a static
    method ``missing() -> tuple[str, str] | None`` says without making one what is missing and the
    remedy. A static ``finding() -> str`` may name the device. Labels are the same every time, also
    of a renderer whose colours are not.

    Attributes:
        name: Entry point name.
        version: Changes whenever the same film may give other bytes.
        deterministic: Whether the same film always gives the same bytes on the same machine.
    """

    name: str
    version: str
    deterministic: bool

    def render(self, film: Film) -> Mapping[str, Images]:
        """Renders all frames of all cameras; keyed by camera name."""

    def close(self) -> None:
        """Frees the device; the renderer is not used afterwards."""
