"""Importer of robomimic-style HDF5 files (``data/demo_N``)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from datafactory.errors import SpecError
from datafactory.exchange.contract import ImportOptions, Progress
from datafactory.exchange.imported import Found, Maker, Origin
from datafactory.exchange.mapped import Reader
from datafactory.exchange.mapping import ColumnMapping, load_mapping, parse_mapping
from datafactory.exchange.reading import digest_of, reading, whole_rate
from datafactory.exchange.robomimic import h5py_module
from datafactory.render.media import encode_images
from datafactory.render.view import Media

FPS = 20
"""Rate of files that do not state one: robosuite's default."""


class RobomimicImport:
    """Reads robomimic HDF5 files; see ``contract.Importer``."""

    name = "robomimic"
    description = "robomimic HDF5 file"

    def read(self, source: Path, out: Path, options: ImportOptions, progress: Progress) -> int:
        """Makes the dataset; see ``contract.Importer.read``."""
        h5py = h5py_module()
        if not source.is_file() or not h5py.is_hdf5(source):
            raise SpecError(f"{source} is not an HDF5 file")
        with ExitStack() as opened:
            with reading(source):
                data = opened.enter_context(h5py.File(source, "r")).get("data", {})
                demos = sorted(data, key=_order)[: options.limit]
                if not demos:
                    raise SpecError(f"{source} has no data/demo_N", why="robomimic files have")
                mapping = _mapping(data, options)
                known, images = _columns(data[demos[0]], mapping)
                stated = _environment(data)
                rate = stated.get("env_kwargs", {}).get("control_freq")
                robot = options.robot or mapping.robot or _robot(stated)
                fps = FPS if rate is None else whole_rate(rate)
                origin = Origin(self.name, robot, fps, digest_of([source]), source)
                reader = Reader(mapping, known)
            maker = Maker(out, origin, reader)
            if rate is None:
                maker.remarks.append(f"the file states no rate; {FPS} Hz were assumed")
            for number, name in enumerate(demos):
                with reading(source, name):
                    found = _found(data[name], number, images, fps)
                maker.add(found)
                progress(maker.count, len(demos))
            return maker.finish()


def _order(name: str) -> tuple[int, str]:
    """``demo_2`` before ``demo_10``."""
    digits = name.rpartition("_")[2]
    return (int(digits) if digits.isdigit() else 0, name)


def _mapping(data: Any, options: ImportOptions) -> ColumnMapping:
    if options.mapping:
        return parse_mapping(options.mapping)
    if "datafactory" in data.attrs:
        return parse_mapping(json.loads(data.attrs["datafactory"])["mapping"], "data.datafactory")
    return parse_mapping(load_mapping("robomimic"), "robomimic")


def _environment(data: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(data.attrs.get("env_args", "{}"))
    return found


def _robot(stated: Mapping[str, Any]) -> str:
    arguments = stated.get("env_kwargs", {})
    named = arguments.get("robot") or arguments.get("robots") or "unknown"
    return "+".join(named) if isinstance(named, list) else str(named)


def _columns(demo: Any, mapping: ColumnMapping) -> tuple[dict[str, list[str]], dict[str, str]]:
    """(component names of the numeric columns, camera by image column)."""
    h5py = h5py_module()
    known: dict[str, list[str]] = {}
    images: dict[str, str] = {}

    def visit(name: str, item: Any) -> None:
        if not isinstance(item, h5py.Dataset) or item.dtype.kind not in "fiub" or not item.shape:
            return
        if item.ndim == 4 and item.dtype == np.uint8:
            camera = mapping.camera(name) or (
                name.removeprefix("obs/") if name.startswith("obs/") else None
            )
            if camera is not None:
                images[name] = camera.removesuffix("_image")
        else:
            known[name] = [str(k) for k in range(int(np.prod(item.shape[1:], initial=1)))]

    demo.visititems(visit)
    return known, images


def _found(demo: Any, number: int, images: Mapping[str, str], fps: int) -> Found:
    described = json.loads(demo.attrs.get("ep_meta", "{}"))
    media: dict[str, Media] = {}
    for key, camera in images.items():
        # lossless: the file has the pixels themselves
        media[camera] = encode_images(np.asarray(demo[key]), fps, "png")
    licences = described.get("licences")
    text = str(described.get("lang") or described.get("task") or "")
    alone = {"text": text, "start": 0, "paraphrases": described.get("paraphrases", ())}
    told = described.get("instructions") or [alone]
    first = str(told[0]["text"])
    return Found(
        number=number,
        instruction=first,
        others=tuple(str(t) for t in told[0]["paraphrases"] if t != first),
        length=_length(demo),
        values=lambda key: np.asarray(demo[key]),
        media=media,
        later=tuple((int(said["start"]), str(said["text"])) for said in told[1:]),
        split=str(described.get("instruction_split") or ""),
        licences=None if licences is None else tuple(str(name) for name in licences),
    )


def _length(demo: Any) -> int:
    if "num_samples" not in demo.attrs and "actions" not in demo:
        raise SpecError(f"{demo.name} has neither num_samples nor actions")
    stated = {int(demo.attrs["num_samples"])} if "num_samples" in demo.attrs else set()
    lengths = stated | ({len(demo["actions"])} if "actions" in demo else set())
    if len(lengths) > 1:
        raise ValueError(
            f"num_samples is {stated.pop()}, but there are {len(demo['actions'])} actions"
        )
    return lengths.pop()
