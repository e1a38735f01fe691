"""The sky behind a stage, drawn from every pixel's own direction: the same for every renderer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datafactory.geometry import quat_to_matrix
from datafactory.render.stage import BACKGROUND, Bytes, Floats, Images, Intrinsics, Shot


def srgb_from_linear(linear: ArrayLike) -> NDArray[np.float32]:
    """Encodes linear light for display by the transfer function of IEC 61966-2-1.

    Args:
        linear: Any shape, >= 0; values above 1 go on along the curve.

    Returns:
        The same shape, float32; 1 for 1.
    """
    x = np.asarray(linear, dtype=np.float32)
    curve = 1.055 * np.maximum(x, 0.0031308) ** np.float32(1 / 2.4) - 0.055
    return np.where(x <= 0.0031308, 12.92 * x, curve).astype(np.float32)


def linear_from_srgb(srgb: ArrayLike) -> NDArray[np.float32]:
    """Inverse of ``srgb_from_linear``."""
    x = np.asarray(srgb, dtype=np.float32)
    curve = ((np.maximum(x, 0.04045) + 0.055) / 1.055) ** np.float32(2.4)
    return np.where(x <= 0.04045, x / 12.92, curve).astype(np.float32)


def pixel_rays(intrinsics: Intrinsics) -> NDArray[np.float32]:
    """Returns unit directions (h, w, 3) of the pixel centres in the camera's frame (OpenCV)."""
    u = (np.arange(intrinsics.width) + 0.5 - intrinsics.cx) / intrinsics.fx
    v = (np.arange(intrinsics.height) + 0.5 - intrinsics.cy) / intrinsics.fy
    rays = np.ones((intrinsics.height, intrinsics.width, 3))
    rays[..., 0], rays[..., 1] = u, v[:, None]
    unit: NDArray[np.float32] = (rays / np.linalg.norm(rays, axis=-1, keepdims=True)).astype(
        np.float32
    )
    return unit


def look_up(sky: Floats, directions: NDArray[np.float32]) -> NDArray[np.float32]:
    """Samples an equirectangular sky, bilinearly.

    Args:
        sky: (h, 2h, c) as in ``skies``: row 0 at the zenith, column 0 towards +x, columns turning
            towards +y.
        directions: (n, 3) unit, world.

    Returns:
        (n, c) values.
    """
    height, width = sky.shape[:2]
    azimuth = np.arctan2(directions[:, 1], directions[:, 0])
    polar = np.arccos(np.clip(directions[:, 2], -1.0, 1.0))
    x = azimuth / np.float32(2 * np.pi) * width - np.float32(0.5)
    y = np.clip(polar / np.float32(np.pi) * height - np.float32(0.5), 0.0, height - 1.0)
    x0, y0 = np.floor(x).astype(np.int32), y.astype(np.int32)
    fx, fy = (x - x0)[:, None], (y - y0)[:, None]
    y1, left, right = np.minimum(y0 + 1, height - 1), x0 % width, (x0 + 1) % width
    top = sky[y0, left] * (1 - fx) + sky[y0, right] * fx
    bottom = sky[y1, left] * (1 - fx) + sky[y1, right] * fx
    return np.asarray(top * (1 - fy) + bottom * fy, dtype=np.float32)


def composite_sky(
    images: Images, shot: Shot, sky: Floats | None, coverage: Floats | None = None
) -> Images:
    """Puts the sky into the pixels that show no body, over black.

    Args:
        images: The frames of one camera, black where there is no body.
        shot: The camera.
        sky: Sky of the stage, see ``look_up``; None leaves black.
        coverage: (F, h, w) share of the pixel that shows the sky, for anti-aliased edges; None
            takes it from ``images.entity``.
    """
    seen_in = np.flatnonzero(
        (images.entity == BACKGROUND).any(axis=(1, 2))
        if coverage is None
        else coverage.any(axis=(1, 2))
    )
    if sky is None or not len(seen_in):
        return images
    encoded = srgb_from_linear(np.minimum(sky, 1.0)) * 255.0
    rays = pixel_rays(shot.intrinsics)
    poses = shot.world_from_camera
    picture: NDArray[np.float32] | None = None
    if len(poses) > 1 and (poses == poses[0]).all():
        picture = _seen(encoded, rays.reshape(-1, 3), poses[0]).reshape(rays.shape)
    rgb: Bytes = images.rgb.copy()
    for frame in seen_in:
        pose = poses[frame]
        share = (images.entity[frame] == BACKGROUND) if coverage is None else coverage[frame]
        at = np.nonzero(share)
        seen = _seen(encoded, rays[at], pose) if picture is None else picture[at]
        mixed = rgb[frame][at] + seen * np.asarray(share[at], np.float32)[:, None]
        rgb[frame][at] = np.minimum(mixed + 0.5, 255.0).astype(np.uint8)
    return replace(images, rgb=rgb)


def _seen(
    sky: Floats, rays: NDArray[np.float32], world_from_camera: NDArray[np.float64]
) -> NDArray[np.float32]:
    rotation = quat_to_matrix(world_from_camera[3:]).astype(np.float32)
    return look_up(sky, rays @ rotation.T)
