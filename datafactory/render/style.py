"""Styles: how accepted episodes are to look. Validated, hashed data; the YAML file is the schema.

A style says which cameras look, what is randomised and by how much, and how images are stored.
What is drawn for one episode follows from (style seed, episode id, named stream).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from datafactory.render.stage import MAX_LIGHTS
from datafactory.store.encode import canonical_json

Level = Literal["off", "low", "medium", "high"]
Split = Literal["seen", "unseen", "all"]


def _within(low: float, high: float) -> Callable[[tuple[float, float]], tuple[float, float]]:
    """Demands that a (lowest, highest) pair is in order and within limits."""

    def check(span: tuple[float, float]) -> tuple[float, float]:
        if not span[0] <= span[1]:
            raise ValueError(f"the lowest value comes first, and {span[0]:g} > {span[1]:g}")
        if span[0] < low or span[1] > high:
            raise ValueError(f"values from {low:g} to {high:g} make sense here")
        return span

    return check


Lamps = Annotated[tuple[int, int], AfterValidator(_within(0, MAX_LIGHTS - 1))]
Angle = Annotated[tuple[float, float], AfterValidator(_within(-360, 360))]
Elevation = Annotated[tuple[float, float], AfterValidator(_within(1, 90))]
Strength = Annotated[tuple[float, float], AfterValidator(_within(0, 10))]
Kelvin = Annotated[tuple[float, float], AfterValidator(_within(1000, 25000))]
Stops = Annotated[tuple[float, float], AfterValidator(_within(-8, 8))]
Noise = Annotated[tuple[float, float], AfterValidator(_within(0, 128))]
Blur = Annotated[tuple[float, float], AfterValidator(_within(0, 16))]
Share = Annotated[tuple[float, float], AfterValidator(_within(0, 1))]
Vector = tuple[float, float, float]
Pixels = Annotated[int, Field(ge=16, le=8192)]
UNIT = 1e-3
"""How far the length of a quaternion may be off."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LightRanges(_Strict):
    """Lights: one sun or ceiling light that casts the shadow, and lamps without one."""

    lamps: Lamps = Field(default=(1, 1), description="number of lamps beside the main light")
    azimuth_deg: Angle = Field(default=(-120.0, -120.0), description="main light about z")
    elevation_deg: Elevation = Field(default=(60.0, 60.0), description="main light above horizon")
    intensity: Strength = Field(default=(0.75, 0.75), description="main light")
    lamp_intensity: Strength = Field(default=(0.25, 0.25), description="each lamp")
    ambient: Strength = Field(default=(0.35, 0.35), description="light from all sides")
    temperature_k: Kelvin = Field(default=(5600.0, 5600.0), description="colour temperature, K")


class SurfaceRanges(_Strict):
    """Textures of table, floor, walls and objects."""

    table: bool = Field(
        default=False, description="draw a texture for the table; else the style's own"
    )
    floor: bool = False
    wall: bool = False
    objects: float = Field(
        default=0.0, ge=0, le=1, description="share of objects with a drawn texture"
    )
    tint: float = Field(default=0.0, ge=0, le=1, description="largest change of a surface's colour")


class CameraRanges(_Strict):
    """Uniform errors of camera pose and intrinsics, drawn once per episode and camera."""

    position_m: float = Field(default=0.0, ge=0, le=1, description="along each axis")
    rotation_deg: float = Field(default=0.0, ge=0, le=45, description="about each axis")
    focal: float = Field(default=0.0, ge=0, le=0.5, description="fraction of the focal length")
    principal_px: float = Field(
        default=0.0, ge=0, le=100, description="shift of the principal point"
    )


class SensorRanges(_Strict):
    """What a real camera does to a picture; drawn once per episode, noise once per image."""

    exposure_stops: Stops = (0.0, 0.0)
    white_balance: float = Field(
        default=0.0, ge=0, le=0.5, description="largest gain change of a channel"
    )
    noise: Noise = Field(default=(0.0, 0.0), description="standard deviation, grey levels of 255")
    blur_px: Blur = Field(default=(0.0, 0.0), description="standard deviation, pixels")
    vignette: Share = Field(default=(0.0, 0.0), description="darkening in the corners")


LIGHTS: Mapping[Level, LightRanges] = {
    "off": LightRanges(),
    "low": LightRanges(azimuth_deg=(-150, -90), elevation_deg=(50, 70), intensity=(0.65, 0.85)),
    "medium": LightRanges(
        lamps=(0, 2), azimuth_deg=(-180, 180), elevation_deg=(35, 80), intensity=(0.5, 0.95),
        lamp_intensity=(0.1, 0.35), ambient=(0.25, 0.45), temperature_k=(4000, 7000),
    ),
    "high": LightRanges(
        lamps=(0, 3), azimuth_deg=(-180, 180), elevation_deg=(20, 85), intensity=(0.35, 1.1),
        lamp_intensity=(0.05, 0.5), ambient=(0.15, 0.55), temperature_k=(2700, 9000),
    ),
}  # fmt: skip
SURFACES: Mapping[Level, SurfaceRanges] = {
    "off": SurfaceRanges(),
    "low": SurfaceRanges(table=True, tint=0.05),
    "medium": SurfaceRanges(table=True, floor=True, wall=True, objects=0.2, tint=0.12),
    "high": SurfaceRanges(table=True, floor=True, wall=True, objects=0.6, tint=0.3),
}
CAMERAS: Mapping[Level, CameraRanges] = {
    "off": CameraRanges(),
    "low": CameraRanges(position_m=0.01, rotation_deg=1.0, focal=0.01, principal_px=1.0),
    "medium": CameraRanges(position_m=0.03, rotation_deg=3.0, focal=0.03, principal_px=3.0),
    "high": CameraRanges(position_m=0.08, rotation_deg=8.0, focal=0.08, principal_px=6.0),
}
SENSOR: Mapping[Level, SensorRanges] = {
    "off": SensorRanges(),
    "low": SensorRanges(exposure_stops=(-0.15, 0.15), white_balance=0.03, noise=(0.0, 2.0)),
    "medium": SensorRanges(
        exposure_stops=(-0.4, 0.4), white_balance=0.08, noise=(0.5, 5.0), blur_px=(0.0, 0.4),
        vignette=(0.0, 0.15),
    ),
    "high": SensorRanges(
        exposure_stops=(-0.8, 0.8), white_balance=0.15, noise=(1.0, 10.0), blur_px=(0.0, 0.9),
        vignette=(0.0, 0.35),
    ),
}  # fmt: skip


class Randomise(_Strict):
    """Independent streams; each a level or explicit ranges."""

    lights: Level | LightRanges = "off"
    sky: Level = Field(
        default="off",
        description="off: the style's sky; low: other skies of its family; medium: any bright sky; "
        "high: any sky",
    )
    surfaces: Level | SurfaceRanges = "off"
    room: Level = Field(
        default="off",
        description="off: the style's room; low: its size and wall colour; medium: its kind; "
        "high: also posters, shelves and clutter behind the table",
    )
    camera: Level | CameraRanges = "off"
    sensor: Level | SensorRanges = "off"

    def ranges(
        self,
    ) -> tuple[LightRanges, SurfaceRanges, CameraRanges, SensorRanges]:
        """The explicit ranges of lights, surfaces, camera and sensor."""
        return (
            LIGHTS[self.lights] if isinstance(self.lights, str) else self.lights,
            SURFACES[self.surfaces] if isinstance(self.surfaces, str) else self.surfaces,
            CAMERAS[self.camera] if isinstance(self.camera, str) else self.camera,
            SENSOR[self.sensor] if isinstance(self.sensor, str) else self.sensor,
        )


class Lens(_Strict):
    """Intrinsics of a camera: a preset, a field of view, or the numbers of a calibration."""

    preset: str | None = Field(default=None, description="such as realsense_d435_color")
    fovy_deg: float | None = Field(default=None, gt=1, lt=170)
    width: int | None = Field(default=None, ge=8, le=8192, description="pixels the numbers are for")
    height: int | None = Field(default=None, ge=8, le=8192)
    fx: float | None = Field(default=None, gt=0)
    fy: float | None = Field(default=None, gt=0)
    cx: float | None = None
    cy: float | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Lens:
        numbers = [self.width, self.height, self.fx, self.fy, self.cx, self.cy]
        given = any(v is not None for v in numbers)
        if given and any(v is None for v in numbers):
            raise ValueError("width, height, fx, fy, cx and cy belong together")
        if (self.preset is not None) + (self.fovy_deg is not None) + given != 1:
            raise ValueError("give preset, fovy_deg, or width, height, fx, fy, cx, cy")
        return self


class CameraSpec(_Strict):
    """One camera: where it is mounted, where it looks, its lens.

    ``mount`` is ``table`` (frame at the centre of the table's top, world axes), ``base`` (the
    robot's base), ``world``, or the name of a camera mount of the robot, such as ``wrist``.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    mount: str = "table"
    look_from: Vector | None = Field(
        default=None, description="camera position in the mount's frame, m"
    )
    look_at: Vector | None = Field(
        default=None, description="point in the image centre, same frame, m"
    )
    pose: tuple[float, float, float, float, float, float, float] | None = Field(
        None, description="mount_from_camera, xyz + wxyz, OpenCV axes"
    )
    lens: Lens = Lens(fovy_deg=50.0)

    @model_validator(mode="after")
    def _one_pose(self) -> CameraSpec:
        if (self.look_from is None) != (self.look_at is None):
            raise ValueError("look_from and look_at belong together")
        if self.look_from is not None and self.look_from == self.look_at:
            raise ValueError("look_from and look_at are the same point")
        if self.pose is not None and abs(math.dist(self.pose[3:], (0, 0, 0, 0)) - 1) > UNIT:
            raise ValueError("the last four numbers of pose are no unit quaternion")
        if self.look_from is not None and self.pose is not None:
            raise ValueError("give look_from and look_at, or pose")
        if self.mount in ("table", "base", "world") and self.look_from is None and not self.pose:
            raise ValueError(f"a camera on '{self.mount}' needs look_from and look_at, or pose")
        return self


class Style(_Strict):
    """A whole style."""

    style: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$", description="name")]
    description: str = ""
    renderer: str = Field(default="auto", description="auto, or a registered renderer")
    size: tuple[Pixels, Pixels] = Field(default=(224, 224), description="width, height, pixels")
    fps: int = Field(
        default=10, ge=1, le=1000, description="images per second; divides the episodes' rate"
    )
    cameras: tuple[str | CameraSpec, ...] = Field(default=("front", "wrist"), min_length=1)
    calibration: str | None = Field(
        default=None, description="calibration file; its cameras are added"
    )
    sky: str = "office_windows/01"
    table: str = Field(default="wood_veneer/003", description="texture of the table's top")
    floor: str = Field(default="concrete/004", description="texture of the floor")
    wall: str = Field(default="painted_wall/002", description="texture of the walls")
    room: Literal["none", "backdrop", "corner", "closed"] = "corner"
    randomise: Randomise = Randomise()
    split: Split = Field(default="seen", description="which textures and skies may be drawn")
    files: str | None = Field(
        default=None, description="folder of your own textures and skies, drawn beside the others"
    )
    files_only: bool = Field(default=False, description="draw only from that folder")
    files_digest: str = Field(default="", description="content of that folder; filled in")
    shadows: bool = True
    samples: Literal[1, 2] = 1
    codec: Literal["h264", "jpeg", "png"] = "h264"
    depth: bool = False
    masks: bool = True
    seed: int = Field(default=0, ge=0, le=2**63 - 1)

    @model_validator(mode="after")
    def _storable(self) -> Style:
        if self.codec == "h264" and (self.size[0] % 2 or self.size[1] % 2):
            raise ValueError("h264 needs an even width and height; or use codec jpeg or png")
        return self

    @property
    def style_hash(self) -> str:
        """32 hex digits over everything that changes what is drawn and how it is stored.

        The renderer is not part of it: name and version of the one that drew are kept beside it.
        """
        data = self.model_dump(mode="json", exclude={"style", "description", "files", "renderer"})
        if self.files is not None:  # names of the user's files, wherever their folder is
            data |= {
                key: data[key].replace(self.files, "", 1)
                for key in ("sky", "table", "floor", "wall")
                if data[key].startswith("local:")
            }
        return hashlib.blake2b(canonical_json(data).encode(), digest_size=16).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return self.model_dump(mode="json")
