"""How finely a camera sees textures, for a renderer that has no mipmaps and must shrink them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from datafactory.geometry import quat_conjugate, quat_rotate
from datafactory.render.stage import Bytes, Film, Floats, Mesh, Shot

NEAREST_M = 0.05


def texels_per_m(mesh: Mesh, image: Bytes) -> float:
    """Mean density of an image's pixels on a mesh, 1/m."""
    corners, uv = mesh.vertices[mesh.faces], mesh.uv[mesh.faces]
    area = np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    )
    one, two = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
    covered = (
        np.abs(one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]) * image.shape[0] * image.shape[1]
    )
    return float(np.sqrt(covered.sum() / max(float(area.sum()), 1e-12)))


def distance_m(mesh: Mesh, world_from_body: NDArray[np.float64], shot: Shot) -> float:
    """Distance from a camera to a mesh's box, the median over the frames, metres."""
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    offset = shot.world_from_camera[:, :3] - world_from_body[:, :3]
    eye = quat_rotate(quat_conjugate(world_from_body[:, 3:]), offset)
    away = np.linalg.norm(eye - np.clip(eye, low, high), axis=1)
    return float(max(np.median(away), NEAREST_M))


def levels(film: Film, textures: tuple[Bytes, ...], shot: Shot) -> list[int]:
    """How often each texture is to be halved for a camera, so that a texel is about a pixel.

    Where several surfaces share a texture, the one seen finest counts.
    """
    focal = film.samples * np.sqrt(shot.intrinsics.fx * shot.intrinsics.fy)
    finest = {id(image): np.inf for image in textures}
    for index, body in enumerate(film.stage.bodies):
        for surface in body.surfaces:
            image = surface.material.texture
            if image is None:
                continue
            away_m = distance_m(surface.mesh, film.world_from_body[:, index], shot)
            texels_per_pixel = texels_per_m(surface.mesh, image) * away_m / focal
            finest[id(image)] = min(finest[id(image)], texels_per_pixel)
    return [max(0, round(float(np.log2(max(finest[id(i)], 1e-6))))) for i in textures]


def halved(image: Bytes, times: int) -> Floats:
    """Means over blocks of 2**times pixels, as far as the size can be halved.

    Args:
        image: (h, w, 3) uint8.
        times: How often to halve.

    Returns:
        (h', w', 3) float32 in [0, 1].
    """
    mean = image.astype(np.float32) / np.float32(255.0)
    for _ in range(times):
        height, width = mean.shape[:2]
        if height % 2 or width % 2:
            break
        mean = mean.reshape(height // 2, 2, width // 2, 2, 3).mean(axis=(1, 3))
    return mean
