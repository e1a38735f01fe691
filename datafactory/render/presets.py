"""Named lenses, and the rig of camera places that styles refer to by name.

Focal lengths are of the rectified image, in pixels of the named resolution, with the principal
point in the middle: single cameras differ by about 1 % and 5 pixels. Use a calibration file to
reproduce one particular camera.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from datafactory.errors import SpecError, UnknownNameError
from datafactory.render.stage import Intrinsics
from datafactory.render.style import CameraSpec, Lens


@dataclass(frozen=True)
class LensPreset:
    """A camera as it is sold.

    Attributes:
        width, height: Native resolution, pixels.
        focal_px: Focal length in those pixels; pixels are square.
        origin: Where the number comes from.
    """

    width: int
    height: int
    focal_px: float
    origin: str


def _from_field(width: int, height: int, extent_px: float, degrees: float, what: str) -> LensPreset:
    """A lens whose data sheet states the angle that ``extent_px`` pixels span."""
    focal = 0.5 * extent_px / math.tan(0.5 * math.radians(degrees))
    return LensPreset(width, height, focal, f"data sheet: {degrees:g} degrees {what}")


_FACTORY = "typical factory calibration"

LENSES: Mapping[str, LensPreset] = MappingProxyType(
    {
        "realsense_d435_color": LensPreset(640, 480, 615.0, _FACTORY),
        "realsense_d435_color_720p": LensPreset(1280, 720, 922.0, _FACTORY),
        "realsense_d435_depth": LensPreset(848, 480, 424.0, _FACTORY),
        "realsense_d405": LensPreset(640, 480, 430.0, _FACTORY),
        "realsense_d405_848": LensPreset(848, 480, 430.0, _FACTORY),
        "realsense_d405_720p": LensPreset(1280, 720, 645.0, _FACTORY),
        "realsense_d455_color": _from_field(1280, 720, 1280, 90.0, "horizontal"),
        "realsense_d455_depth": LensPreset(848, 480, 426.0, _FACTORY),
        "azure_kinect_color": LensPreset(1280, 720, 611.0, _FACTORY),
        "azure_kinect_depth": LensPreset(640, 576, 504.0, _FACTORY),
        "zed_2": LensPreset(1280, 720, 528.0, _FACTORY),
        "webcam_c920": _from_field(1280, 720, math.hypot(1280, 720), 78.0, "diagonal"),
    }
)
"""Lenses by name; ``_color`` and ``_depth`` are the two imagers of a depth camera."""


def intrinsics(preset: str, where: str = "") -> Intrinsics:
    """Pinhole parameters of a named lens at its native resolution.

    Args:
        preset: Name in ``LENSES``.
        where: Place named in the error.

    Raises:
        UnknownNameError: There is no such lens.
    """
    lens = LENSES.get(preset)
    if lens is None:
        raise UnknownNameError.of("lens preset", preset, LENSES, where)
    f, w, h = lens.focal_px, lens.width, lens.height
    return Intrinsics(w, h, f, f, 0.5 * w, 0.5 * h)


def fit(native: Intrinsics, width: int, height: int) -> Intrinsics:
    """The camera whose image is another one's, cropped around its middle, then resized.

    The crop is the largest of the wanted aspect ratio; it may begin within a pixel, so the result
    is exact. A point at (u, v) in the native image is at (s (u - a), s (v - b)) with s the larger
    of the two size ratios and (a, b) the crop's corner.

    Args:
        native: Pinhole parameters of the full image.
        width: Wanted image width, pixels.
        height: Wanted image height, pixels.
    """
    scale = max(width / native.width, height / native.height)
    left = 0.5 * (native.width - width / scale)
    top = 0.5 * (native.height - height / scale)
    return Intrinsics(
        width,
        height,
        native.fx * scale,
        native.fy * scale,
        (native.cx - left) * scale,
        (native.cy - top) * scale,
    )


def lens_intrinsics(lens: Lens, width: int, height: int, where: str = "") -> Intrinsics:
    """Pinhole parameters of a style's lens for images of a size.

    A preset's or a calibration's image is cropped and resized (see ``fit``); a field of view is
    that of the image's height.

    Raises:
        UnknownNameError: The lens names an unknown preset.
    """
    if lens.preset is not None:
        return fit(intrinsics(lens.preset, where), width, height)
    if lens.fovy_deg is not None:
        focal = 0.5 * height / math.tan(0.5 * math.radians(lens.fovy_deg))
        return Intrinsics(width, height, focal, focal, 0.5 * width, 0.5 * height)
    numbers = (lens.fx, lens.fy, lens.cx, lens.cy)
    if lens.width is None or lens.height is None or None in numbers:
        raise SpecError("a lens needs a preset, a field of view or all its numbers", where=where)
    fx, fy, cx, cy = (float(v) for v in numbers if v is not None)
    return fit(Intrinsics(lens.width, lens.height, fx, fy, cx, cy), width, height)


_THIRD_PERSON = Lens.model_validate({"preset": "realsense_d435_color"})


def _placed(
    name: str, look_from: tuple[float, float, float], look_at: tuple[float, float, float],
    mount: str = "table",
) -> CameraSpec:  # fmt: skip
    data = {"name": name, "mount": mount, "look_from": look_from, "look_at": look_at,
            "lens": _THIRD_PERSON}  # fmt: skip
    return CameraSpec.model_validate(data)


RIG: Mapping[str, CameraSpec] = MappingProxyType(
    {
        spec.name: spec
        for spec in (
            _placed("front", (1.15, 0.0, 0.75), (-0.13, 0.0, 0.14)),
            _placed("above", (1.17, 0.0, 1.24), (0.46, 0.0, 0.06), "base"),
            _placed("front_left", (0.80, 0.85, 0.80), (-0.12, 0.0, 0.13)),
            _placed("front_right", (0.80, -0.85, 0.80), (-0.12, 0.0, 0.13)),
            _placed("shoulder", (-1.05, -0.55, 1.05), (-0.05, 0.0, 0.05)),
            _placed("side", (-0.12, -1.40, 0.60), (-0.12, 0.0, 0.14)),
            _placed("top", (-0.12, 0.0, 1.45), (-0.12, 0.0, 0.0)),
            CameraSpec.model_validate(
                {"name": "wrist", "mount": "wrist", "lens": {"preset": "realsense_d405"}}
            ),
        )
    }
)
"""Camera places for a table-top cell: the robot stands at the table's -x edge and faces +x.

They frame the work area in front of the robot and the gripper above it. ``left`` and ``right`` are
the robot's own. ``above`` is fixed to the robot's base, so that a pixel is always at the same place
of the robot's own frame; the others are fixed to the table.
"""
