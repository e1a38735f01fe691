"""``datafactory assets add, remove, convert``: your own files; and the menagerie's models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from datafactory_cli.session import Session, command
from datafactory_cli.text import size, table

PREFIX = "menagerie/"


def add(
    session: Session,
    folder: Annotated[Path, typer.Argument(help="Folder of object files with objects.yaml.")],
    name: Annotated[str, typer.Option("--name", help="Source name; the folder's.")] = "",
    decompose: Annotated[
        str, typer.Option("--decompose", help="Convex pieces by auto, vhacdx, coacd or hull.")
    ] = "auto",
) -> None:
    """Convert a folder of your own objects and register it as an asset source."""
    from datafactory.errors import UnknownNameError
    from datafactory_assets.convert.hulls import METHODS
    from datafactory_assets.local.adding import add_folder

    method = next((known for known in METHODS if known == decompose), None)
    if method is None:
        raise UnknownNameError.of("decomposition", decompose, METHODS)
    manifest = add_folder(folder, name, method=method, progress=session.remark)
    text = (
        f"{manifest.pinned}: {len(manifest.objects)} objects\n"
        f"use it in a task: sources: [tier0, {manifest.name}]"
    )
    data = {"source": manifest.name, "pinned": manifest.pinned, "objects": [*manifest.objects]}
    session.result(data, text)


def remove(
    session: Session,
    name: Annotated[str, typer.Argument(help="Registered source.")],
) -> None:
    """Forget a registered folder; its files and datasets made with it stay."""
    from datafactory_assets.local.registry import remove_source

    gone = remove_source(name)
    session.result({"removed": gone}, "removed " + ", ".join(gone))


def convert(
    session: Session,
    urdf: Annotated[Path, typer.Argument(help="URDF file.")],
    out: Annotated[Path, typer.Option("--out", help="MJCF file to write.")],
    free: Annotated[bool, typer.Option("--free", help="Let the root move freely.")] = False,
) -> None:
    """Convert a URDF file to MJCF that compiles; meshes go into a folder beside it."""
    import mujoco

    from datafactory.errors import AssetError
    from datafactory_assets.urdf.importer import import_urdf

    imported = import_urdf(urdf, fixed=not free)
    for note in imported.notes:
        session.remark(note)
    try:
        model = mujoco.MjModel.from_xml_string(imported.mjcf, dict(imported.files))
    except ValueError as error:
        raise AssetError(
            "MuJoCo cannot compile the converted file", where=str(urdf), why=str(error),
            remedy="correct the file",
        ) from error  # fmt: skip
    folder = out.with_name(f"{out.stem}_meshes")
    if imported.files:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in imported.files.items():
            (folder / name).write_bytes(data)
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(imported.mjcf.replace("<compiler ", f'<compiler meshdir="{folder.name}" '))
    text = f"{out}: {model.nv} degrees of freedom, {model.nbody - 1} bodies, {model.ngeom} geoms"
    result = {"out": str(out), "dof": model.nv, "bodies": model.nbody - 1, "geoms": model.ngeom,
              "notes": list(imported.notes)}  # fmt: skip
    session.result(result, text)


def grasps(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="SOURCE/OBJECT", help="Of an asset source.")],
    export: Annotated[Path | None, typer.Option("--export", help="Write N x 17 here.")] = None,
    import_: Annotated[Path | None, typer.Option("--import", help="Use these N x 17.")] = None,
    robot: Annotated[str, typer.Option("--robot", help="Whose gripper.")] = "franka_panda",
) -> None:
    """Export an object's grasps as an array, or import grasps for an object you added."""
    from dataclasses import replace

    from datafactory.errors import AssetError
    from datafactory.grasps import arrays
    from datafactory.grasps.ranking import grasp_set
    from datafactory.plugin import load
    from datafactory.robots import load_robot
    from datafactory_assets.local.registry import find_manifest, publish
    from datafactory_assets.store import store_root

    source, _, family = name.partition("/")
    family = family.partition("@")[0]
    asset = load("asset source", source)().make(family, 0)
    if (export is None) == (import_ is None):
        raise AssetError("say either --export FILE.npy or --import FILE.npy")
    if import_ is not None:
        manifest = find_manifest(source)
        if manifest is None:
            raise AssetError(f"{asset.uid} is made by code", why="its instances are many",
                             remedy="import grasps for objects of a folder you added")  # fmt: skip
        rows, content_hash = arrays.read_file(import_)
        kept = arrays.store_rows(asset, rows, content_hash)
        changed = replace(manifest, grasps={**manifest.grasps, family: kept})
        publish(changed, store_root())
        data = {"source": changed.pinned, "grasps": len(rows)}
        session.result(data, f"{changed.pinned}: {len(rows)} grasps for {family}")
        return
    assert export is not None
    found = grasp_set(asset, load_robot(robot).arms[0])
    if found is None:
        raise AssetError(f"{robot} has no grasp of {asset.uid}", remedy="try another --robot")
    arrays.write_file(export, asset, arrays.to_array(found))
    session.result({"out": str(export), "grasps": len(found.score)},
                   f"{export}: {len(found.score)} grasps of {asset.uid}")  # fmt: skip


def list_provider(session: Session, provider: str, category: str | None) -> None:
    """Lists the models of a provider that is open-ended."""
    from dataclasses import asdict

    from datafactory.errors import UnknownNameError
    from datafactory_assets.menagerie import models

    if provider != "menagerie":
        raise UnknownNameError.of("provider", provider, ["menagerie"])
    found = [m for m in models() if category in (None, m.category)]
    rows = [
        (PREFIX + m.name, m.category, "ready" if m.ready else "missing", size(m.download_size),
         m.licence.spdx, m.title)
        for m in found
    ]  # fmt: skip
    text = table(rows, ("model", "category", "state", "size", "licence", "what"))
    session.result({"models": [asdict(m) for m in found]}, text)


def fetch_models(session: Session, names: list[str]) -> None:
    """Fetches models named ``menagerie/NAME``."""
    from datafactory_assets.menagerie import model_folder

    done = [{"name": name, "path": str(model_folder(name.removeprefix(PREFIX)))} for name in names]
    text = table([(d["name"], d["path"]) for d in done], ("model", "path"))
    session.result({"models": done}, text)


def register(app: typer.Typer) -> None:
    """Adds the commands to the ``assets`` group."""
    for name, function in (
        ("add", add), ("remove", remove), ("convert", convert), ("grasps", grasps),
    ):  # fmt: skip
        command(app, name)(function)
