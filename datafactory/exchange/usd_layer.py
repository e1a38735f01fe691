"""The few OpenUSD calls every layer is written with: conventions, names, poses, labels.

Layers are in metres with z up. Poses are a double precision ``translate`` and ``orient``, so a
position in a layer is the double it was computed as.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datafactory.errors import MissingPartError, StorageError

FULL_BYTES = 1 << 20
"""Free space below which a disk counts as full."""
ROOT = "/World"
"""Path of the default prim; everything else is below it."""


def require_usd() -> None:
    """Checks that OpenUSD's Python modules can be imported.

    Raises:
        MissingPartError: They cannot.
    """
    try:
        from pxr import Usd, UsdSemantics  # noqa: F401
    except ImportError as error:
        raise MissingPartError(
            "OpenUSD files cannot be written",
            why=f"{type(error).__name__}: {error}",
            remedy="pip install 'datafactory[exchange]'",
        ) from error


@contextmanager
def saving(folder: Path) -> Iterator[None]:
    """Tells a full disk from other failures of OpenUSD, whose errors do not name their cause.

    Raises:
        StorageError: OpenUSD failed, and the disk of ``folder`` is full.
    """
    from pxr import Tf

    try:
        yield
    except Tf.ErrorException as error:
        if shutil.disk_usage(folder).free > FULL_BYTES:
            raise
        why = " ".join(str(error).split())[:300]
        raise StorageError(f"no space left for {folder}", why=why) from error


def new_layer(path: Path, fps: int = 0, frames: int = 0) -> Any:
    """Creates a stage whose root layer is a new file, with ``/World`` as its default prim.

    Args:
        path: File to make; ``.usdc`` is binary, ``.usda`` text.
        fps: Time codes per second; 0 for a layer without time samples.
        frames: Number of time codes, from 0.

    Returns:
        The ``Usd.Stage``; ``stage.GetRootLayer().Save()`` writes the file.
    """
    from pxr import Usd, UsdGeom

    stage = Usd.Stage.CreateNew(str(path))
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    stage.SetDefaultPrim(UsdGeom.Xform.Define(stage, ROOT).GetPrim())
    if fps:
        stage.SetTimeCodesPerSecond(fps)
        stage.SetFramesPerSecond(fps)
        stage.SetStartTimeCode(0)
        stage.SetEndTimeCode(max(frames - 1, 0))
    return stage


def identifiers(names: Iterable[str], taken: Iterable[str] = ()) -> dict[str, str]:
    """Gives every name its own valid prim name.

    Args:
        names: Names, such as ``robot/link3``.
        taken: Prim names that are not to be given.

    Returns:
        Prim name by name, such as ``robot_link3``; a number is added where two would be equal.
    """
    used, found = set(taken), {}
    for name in names:
        plain = re.sub(r"\W", "_", name, flags=re.ASCII) or "_"
        plain = f"_{plain}" if plain[0].isdigit() else plain
        choice, number = plain, 2
        while choice in used:
            choice, number = f"{plain}_{number}", number + 1
        used.add(choice)
        found[name] = choice
    return found


def set_pose(prim: Any, pose: Sequence[float] | NDArray[np.float64]) -> None:
    """Gives a prim the pose (7,) xyz + wxyz in its parent's frame."""
    from pxr import Gf, UsdGeom

    x, y, z, *quat = (float(v) for v in pose)
    form = UsdGeom.Xformable(prim)
    form.AddTranslateOp(UsdGeom.XformOp.PrecisionDouble).Set(Gf.Vec3d(x, y, z))
    form.AddOrientOp(UsdGeom.XformOp.PrecisionDouble).Set(Gf.Quatd(*quat))


def set_pose_samples(layer: Any, path: str, poses: NDArray[np.float64]) -> None:
    """Writes the poses (F, 7) xyz + wxyz of a prim at the time codes 0 to F - 1 into a layer.

    The prim is defined, with a pose by :func:`set_pose`, in a weaker layer. A quaternion's sign is
    chosen nearest to the frame before, so that readers which interpolate its numbers turn the
    short way.

    Args:
        layer: ``Sdf.Layer`` that gets the samples.
        path: Path of the prim.
        poses: Poses in the frame of the prim's parent.
    """
    from pxr import Gf, Sdf

    prim = Sdf.CreatePrimInLayer(layer, path)
    kinds = Sdf.ValueTypeNames
    move = Sdf.AttributeSpec(prim, "xformOp:translate", kinds.Double3).path
    turn = Sdf.AttributeSpec(prim, "xformOp:orient", kinds.Quatd).path
    quats = poses[:, 3:] * short_way(poses[:, 3:])[:, None]
    for frame, (position, quat) in enumerate(zip(poses[:, :3], quats, strict=True)):
        layer.SetTimeSample(move, frame, Gf.Vec3d(*position.tolist()))
        layer.SetTimeSample(turn, frame, Gf.Quatd(*quat.tolist()))


def short_way(quats: NDArray[np.float64]) -> NDArray[np.float64]:
    """(F,) signs, 1 or -1, that make each of (F, 4) quaternions nearest to the one before."""
    dots = np.einsum("ij,ij->i", quats[1:], quats[:-1])
    return np.concatenate([[1.0], np.cumprod(np.where(dots < 0.0, -1.0, 1.0))])


def moves(poses: NDArray[np.float64]) -> bool:
    """Whether poses (F, 7) differ between frames."""
    return bool((poses != poses[:1]).any())


def label(prim: Any, taxonomy: str, name: str) -> None:
    """Labels a prim and all below it, as segmentation of renderers reads it."""
    from pxr import UsdSemantics

    UsdSemantics.LabelsAPI.Apply(prim, taxonomy).CreateLabelsAttr([name])


def linear(srgb: Sequence[float]) -> tuple[float, float, float]:
    """Linear colour of an sRGB colour in [0, 1] (IEC 61966-2-1)."""
    c = np.asarray(srgb, dtype=np.float64)
    r, g, b = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4).tolist()
    return r, g, b
