"""Textures and skies of the user's: a folder of pictures and Radiance files, used beside our own.

::

    FOLDER/textures/table/oak@0.4.png     drawn on tables; one tile covers 0.4 m (0.5 by default)
    FOLDER/textures/wall/*.jpg            likewise floor, wall, object
    FOLDER/skies/*.hdr                    equirectangular Radiance pictures, row 0 at the zenith

Their names are ``local:`` and the absolute path. One file in five, chosen by its name, is unseen.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datafactory.errors import SpecError
from datafactory.render.skies.hdr import read_hdr
from datafactory.render.skies.light import Radiance, directions, luminance, solid_angles
from datafactory.render.textures.library import Texture
from datafactory.seeding import name_key

PREFIX = "local:"
KINDS = ("table", "floor", "wall", "object")
"""What textures are drawn on."""
PICTURES = (".png", ".jpg", ".jpeg", ".webp")
DEFAULT_REPEAT_M = 0.5
GLOSS = 0.15
_UNSEEN_IN = 5


@dataclass(frozen=True)
class OwnFiles:
    """The contents of a folder.

    Attributes:
        textures: (kind, name) pairs, sorted.
        skies: Names, sorted.
        digest: 32 hex digits over all files' relative paths and bytes.
    """

    textures: tuple[tuple[str, str], ...]
    skies: tuple[str, ...]
    digest: str

    def texture_names(self, kind: str, split: str | None) -> tuple[str, ...]:
        """Names of the textures of a kind and split; None for both splits."""
        return tuple(n for k, n in self.textures if k == kind and split in (None, split_of(n)))

    def sky_names(self, split: str | None) -> tuple[str, ...]:
        """Names of the skies of a split; None for both."""
        return tuple(n for n in self.skies if split in (None, split_of(n)))


def require(names: tuple[str, ...], what: str, folder: str | None) -> tuple[str, ...]:
    """The names, of which there must be some.

    Raises:
        SpecError: A style draws only from a folder that has nothing of what it draws.
    """
    if not names:
        raise SpecError(
            f"there is no {what} to draw from",
            where=str(folder),
            why="the style draws only from this folder (files_only)",
            remedy="add some, switch them off in randomise, or files_only: false",
        )
    return names


NO_FILES = OwnFiles((), (), "")


def split_of(name: str) -> str:
    """``unseen`` for one file name in five, else ``seen``; the folder does not matter."""
    return "unseen" if name_key(Path(name).name) % _UNSEEN_IN == 0 else "seen"


@lru_cache(maxsize=8)
def own_files(folder: str) -> OwnFiles:
    """Reads the list of a folder's files.

    Raises:
        SpecError: There is no such folder, or nothing usable in it.
    """
    root = Path(folder).absolute()
    if not root.is_dir():
        raise SpecError("the folder of textures and skies does not exist", where=str(root))
    textures = sorted(
        (kind, PREFIX + str(path))
        for kind in KINDS
        for path in (root / "textures" / kind).glob("*")
        if path.suffix.lower() in PICTURES
    )
    skies = sorted(PREFIX + str(path) for path in (root / "skies").glob("*.hdr"))
    if not textures and not skies:
        raise SpecError(
            "the folder has no textures and no skies",
            where=str(root),
            why="looked for textures/KIND/*.png|jpg|webp and skies/*.hdr",
            remedy="KIND is one of " + ", ".join(KINDS),
        )
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted({*skies, *(n for _, n in textures)}):
        path = Path(name.removeprefix(PREFIX))
        data = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()} {len(data)}\n".encode() + data)
    return OwnFiles(tuple(textures), tuple(skies), digest.hexdigest())


def read_texture(name: str, size: int) -> Texture:
    """Reads a picture as a square texture, cut around its middle.

    Raises:
        SpecError: It cannot be read, or its name states no usable tile size.
    """
    from PIL import Image, UnidentifiedImageError

    path = Path(name.removeprefix(PREFIX))
    try:
        with Image.open(path) as picture:
            whole = picture.convert("RGB")
    except (OSError, UnidentifiedImageError) as error:
        raise SpecError("a texture cannot be read", where=str(path), why=str(error)) from error
    side = min(whole.size)
    left, top = (whole.width - side) // 2, (whole.height - side) // 2
    square = whole.crop((left, top, left + side, top + side))
    pixels = np.asarray(square.resize((size, size), Image.Resampling.BOX)).copy()
    pixels.flags.writeable = False
    return Texture(name, pixels, _repeat_m(path), GLOSS, split_of(name))


def _repeat_m(path: Path) -> float:
    _, at, text = path.stem.rpartition("@")
    if not at:
        return DEFAULT_REPEAT_M
    try:
        metres = float(text)
    except ValueError:
        metres = 0.0
    if not 0.01 <= metres <= 10.0:
        raise SpecError(
            "a texture's name states no usable size",
            where=str(path),
            why=f"'{text}' behind @ is not a number of metres from 0.01 to 10",
            remedy="rename it, for example oak@0.4.png",
        )
    return metres


def read_sky(name: str, height: int) -> Radiance:
    """Reads a Radiance picture, brought to a size and to our exposure.

    Pixels are averaged over their area, which keeps a small sun's light. The picture is scaled so
    that a white surface that lies flat under it comes out at 1 (the irradiance is pi).

    Args:
        name: Name of the sky.
        height: Rows; the result is (height, 2 * height, 3).

    Raises:
        SpecError: It cannot be read, or is not twice as wide as high.
    """
    path = name.removeprefix(PREFIX)
    image = read_hdr(path)
    if image.shape[1] != 2 * image.shape[0]:
        raise SpecError(
            "a sky is not equirectangular",
            where=path,
            why=f"it has {image.shape[1]} x {image.shape[0]} pixels, not twice as many across",
        )
    small = _averaged(_averaged(image, height, 0), 2 * height, 1)
    upper = height // 2
    falling = directions(height)[:upper, :, 2] * solid_angles(height)[:upper, None]
    irradiance = float(np.sum(luminance(small[:upper].astype(np.float32)) * falling))
    if not np.isfinite(irradiance) or irradiance <= 0.0:
        raise SpecError("a sky sends no light down", where=path)
    return (small * (np.pi / irradiance)).astype(np.float32)


def _averaged(image: NDArray[np.floating], count: int, axis: int) -> NDArray[np.float64]:
    """Area means of an axis brought to ``count`` cells, whatever its length."""
    length = image.shape[axis]
    sums = np.cumsum(image, axis=axis, dtype=np.float64)
    sums = np.concatenate([np.zeros_like(np.take(sums, [0], axis)), sums], axis=axis)
    edges = np.linspace(0.0, length, count + 1)
    low = np.minimum(edges.astype(np.int64), length - 1)
    part = (edges - low).reshape([-1 if a == axis else 1 for a in range(image.ndim)])
    at = np.take(sums, low, axis) * (1.0 - part) + np.take(sums, low + 1, axis) * part
    return np.asarray(np.diff(at, axis=axis) * (count / length), dtype=np.float64)
