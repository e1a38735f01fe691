"""Textures in the KTX 1 format that Filament reads: colours with mipmaps, and light from the sky.

Format: Khronos KTX file format specification, version 1. Prefiltered light: each level of the
cube holds the sky blurred as a rougher surface reflects it, and nine numbers per channel in the
``sh`` entry hold the diffuse light as a quadratic polynomial of the normal (Ramamoorthi and
Hanrahan 2001).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from datafactory.render.backdrop import linear_from_srgb, look_up, srgb_from_linear
from datafactory.render.stage import Bytes, Floats

Array = NDArray[np.float64]

CUBE_SIDE = 32
_SRGB8_ALPHA8, _RGBA16F, _RGBA = 0x8C43, 0x881A, 0x1908
_UNSIGNED_BYTE, _HALF_FLOAT = 0x1401, 0x140B
_SAMPLES = 24
"""Rows of the sky for integrals over it."""


def texture_ktx(image: Bytes) -> bytes:
    """A texture with all its mipmaps, averaged as light.

    Args:
        image: (h, w, 3) uint8 sRGB.
    """
    level = linear_from_srgb(image / np.float32(255.0))
    levels = []
    while True:
        encoded = np.rint(srgb_from_linear(level) * 255.0).astype(np.uint8)
        opaque = np.full((*encoded.shape[:2], 1), 255, np.uint8)
        levels.append([np.concatenate([encoded, opaque], axis=2).tobytes()])
        if max(level.shape[:2]) == 1:
            break
        level = _halved(level)
    height, width = image.shape[:2]
    return _ktx(levels, width, height, _SRGB8_ALPHA8, _UNSIGNED_BYTE, 1, {})


def cube_ktx(sky: Floats | None, ambient: Array) -> bytes:
    """Light from all sides for image-based lighting.

    Args:
        sky: (h, 2h, 3) linear radiance, world axes; None for the same light from everywhere.
        ambient: (3,) irradiance over pi that a surface facing up shall get.
    """
    if sky is None:
        sky = np.ones((2, 4, 3), np.float32)
    directions, weights = _sky_samples()
    radiance = look_up(_shrunk(sky), directions.astype(np.float32)).astype(np.float64)
    facing_up = (np.maximum(directions[:, 2:], 0.0) * weights[:, None] * radiance).sum(axis=0)
    scale = ambient / np.maximum(facing_up / np.pi, 1e-6)
    levels, side = [], CUBE_SIDE
    count = CUBE_SIDE.bit_length()
    for level in range(count):
        texels = _cube_directions(side)
        # Filament looks up level = (levels - 1) * r * (2 - r) for a perceptual roughness r.
        rough = 1.0 - np.sqrt(1.0 - level / (count - 1))
        light = _glossy(texels, rough, sky, directions, weights, radiance) * scale
        faces = np.ones((6, side, side, 4), np.float16)
        faces[..., :3] = np.minimum(light, 6e4).reshape(6, side, side, 3)
        levels.append([face.tobytes() for face in faces])
        side //= 2
    polynomial = _diffuse_polynomial(directions, weights, radiance) * scale
    # Filament's reader knows no exponents.
    text = "\n".join(" ".join(f"{v:.6f}" for v in row) for row in polynomial) + "\n"
    return _ktx(levels, CUBE_SIDE, CUBE_SIDE, _RGBA16F, _HALF_FLOAT, 2, {"sh": text})


def _ktx(
    levels: Sequence[Sequence[bytes]],
    width: int,
    height: int,
    internal_format: int,
    kind: int,
    type_size: int,
    metadata: dict[str, str],
) -> bytes:
    """Levels from large to small, each of one face or six."""
    pairs = b""
    for key, value in metadata.items():
        pair = key.encode() + b"\0" + value.encode() + b"\0"
        pairs += struct.pack("<I", len(pair)) + pair + b"\0" * (-len(pair) % 4)
    header = struct.pack(
        "<12s13I", b"\xabKTX 11\xbb\r\n\x1a\n", 0x04030201, kind, type_size, _RGBA,
        internal_format, _RGBA, width, height, 0, 0, len(levels[0]), len(levels), len(pairs),
    )  # fmt: skip
    sized = [struct.pack("<I", len(faces[0])) + b"".join(faces) for faces in levels]
    return header + pairs + b"".join(sized)


def _halved(image: Floats) -> Floats:
    """Means of 2 x 2 pixels; an odd last row or column counts twice, a single one stays."""
    height, width = image.shape[:2]
    padded = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    shape = (padded.shape[0] // 2, 2, padded.shape[1] // 2, 2, image.shape[2])
    smaller: Floats = padded.reshape(shape).mean(axis=(1, 3), dtype=np.float32)
    return smaller[: max(height // 2, 1), : max(width // 2, 1)]


def _shrunk(sky: Floats) -> Floats:
    while sky.shape[0] >= 2 * _SAMPLES:
        sky = _halved(sky)
    return sky


def _sky_samples() -> tuple[Array, Array]:
    """(n, 3) directions over the sphere and the solid angle (n,) of each."""
    polar = (np.arange(_SAMPLES) + 0.5) / _SAMPLES * np.pi
    azimuth = (np.arange(2 * _SAMPLES) + 0.5) / _SAMPLES * np.pi - np.pi
    t, a = (grid.ravel() for grid in np.meshgrid(polar, azimuth, indexing="ij"))
    directions = np.column_stack([np.sin(t) * np.cos(a), np.sin(t) * np.sin(a), np.cos(t)])
    weights = np.sin(t)
    return directions, weights * (4.0 * np.pi / weights.sum())


def _environment_axes(world: Array) -> Array:
    """World directions (n, 3), z up, in the environment's axes, y up."""
    return np.column_stack([world[:, 0], world[:, 2], -world[:, 1]])


def _cube_directions(side: int) -> Array:
    """(6 * side * side, 3) world directions of a cube map's texels, faces +x -x +y -y +z -z."""
    grid = (np.arange(side) + 0.5) / side * 2.0 - 1.0
    t, s = np.meshgrid(grid, grid, indexing="ij")
    one = np.ones_like(s)
    faces = [(one, -t, -s), (-one, -t, s), (s, one, t), (s, -one, -t), (s, -t, one), (-s, -t, -one)]
    env = np.concatenate([np.stack(face, axis=-1).reshape(-1, 3) for face in faces])
    env /= np.linalg.norm(env, axis=1, keepdims=True)
    return np.column_stack([env[:, 0], -env[:, 2], env[:, 1]])


def _glossy(
    texels: Array, rough: float, sky: Floats, directions: Array, weights: Array, radiance: Array
) -> Array:
    """Radiance (m, 3) that surfaces of one roughness reflect from around each direction."""
    alpha = rough * rough
    if alpha < 0.05:  # narrower than the samples
        return look_up(_shrunk(sky), texels.astype(np.float32)).astype(np.float64)
    # A Phong lobe of the width of GGX's.
    lobe = np.maximum(texels @ directions.T, 0.0) ** max(2.0 / alpha**2 - 2.0, 1.0) * weights
    return np.asarray(lobe @ radiance / lobe.sum(axis=1, keepdims=True))


def _diffuse_polynomial(directions: Array, weights: Array, radiance: Array) -> Array:
    """(9, 3) coefficients of irradiance / pi over 1, y, z, x, xy, yz, 3zz-1, xz, xx-yy of n."""
    cosines = np.maximum(directions @ directions.T, 0.0)
    irradiance = cosines @ (weights[:, None] * radiance) / np.pi
    x, y, z = _environment_axes(directions).T
    terms = [np.ones_like(x), y, z, x, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y]
    basis = np.column_stack(terms) * np.sqrt(weights)[:, None]
    fitted, *_ = np.linalg.lstsq(basis, irradiance * np.sqrt(weights)[:, None])
    return np.asarray(fitted)
