"""Shipped styles, style files, and how they become a validated ``Style``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from datafactory.errors import SpecError, UnknownNameError, did_you_mean
from datafactory.known_keys import known_keys
from datafactory.render.style import (
    CameraRanges,
    CameraSpec,
    Lens,
    LightRanges,
    Randomise,
    SensorRanges,
    Style,
    SurfaceRanges,
)
from datafactory.taskfile import Document, apply_set, load_yaml_file, located

_MODELS: tuple[type[BaseModel], ...] = (
    Style, CameraSpec, Lens, Randomise, LightRanges, SurfaceRanges, CameraRanges, SensorRanges,
)  # fmt: skip


def style_names() -> tuple[str, ...]:
    """Names of the shipped styles."""
    folder = files("datafactory.render") / "styles"
    return tuple(sorted(p.name.removesuffix(".yaml") for p in folder.iterdir()
                        if p.name.endswith(".yaml")))  # fmt: skip


def load_style(source: str | Path, assignments: Sequence[str] = ()) -> Style:
    """Reads a shipped style by name, or a style file.

    Args:
        source: Name, or path of a YAML file.
        assignments: ``key=value`` texts laid over it, such as ``randomise.lights=high``.

    Raises:
        UnknownNameError: There is no such style or file.
        SpecError: It is invalid; names ``file:line:key``.
    """
    path = _path_of(source)
    document = load_yaml_file(path)
    data = {"style": path.stem.replace("-", "_")} | document.data
    data, assigned = apply_set(data, assignments)
    calibration = data.get("calibration")
    if isinstance(calibration, str) and "calibration" not in assigned:
        data["calibration"] = str(path.parent / calibration)
    from datafactory.render.cameras import resolve

    files = data.get("files")
    if isinstance(files, str) and "files" not in assigned:
        data["files"] = str((path.parent / files).absolute())
    places = {"": str(source)} | _places(document, assigned)
    try:
        style = _with_files(Style.model_validate(_tuples(data)))
        _check_names(style)
        # With every number of its cameras, so that the hash covers a calibration's content.
        style = style.model_copy(update={"cameras": resolve(style), "calibration": None})
    except ValidationError as error:
        raise located(_style_error(error), places) from error
    except UnknownNameError as error:
        raise located(error, places) from error
    return style


def _with_files(style: Style) -> Style:
    """Fills in what the folder of the user's own files holds, and completes names from it."""
    if style.files is None:
        return style
    from datafactory.render.own_files import PREFIX, own_files

    root = Path(style.files).absolute()
    changed: dict[str, str] = {"files": str(root), "files_digest": own_files(str(root)).digest}
    for key in ("sky", "table", "floor", "wall"):
        name = getattr(style, key)
        if name.startswith(PREFIX):
            changed[key] = PREFIX + str(root / name.removeprefix(PREFIX))
    return style.model_copy(update=changed)


def _check_names(style: Style) -> None:
    """Refuses names of skies, textures and renderers that do not exist."""
    from datafactory.plugin import registered
    from datafactory.render.own_files import NO_FILES, own_files
    from datafactory.render.skies import sky_names
    from datafactory.render.textures import texture_names

    if style.renderer != "auto" and style.renderer not in registered("renderer"):
        renderers = ["auto", *registered("renderer")]
        raise UnknownNameError.of("renderer", style.renderer, renderers, "renderer")
    own = own_files(style.files) if style.files else NO_FILES
    if style.sky not in (*sky_names(), *own.skies):
        raise UnknownNameError.of("sky", style.sky, (*sky_names(), *own.skies), "sky")
    known = (*texture_names(), *(name for _, name in own.textures))
    for key in ("table", "floor", "wall"):
        name = getattr(style, key)
        if name not in known:
            raise UnknownNameError.of("texture", name, known, key)


def _places(document: Document, assigned: Mapping[str, str]) -> dict[str, str]:
    """Dotted key to where it was written; an assignment hides what the file says below its key."""
    places = {
        key: document.where(key).rpartition(":")[0]
        for key in document.lines
        if not any(key == a or key.startswith(f"{a}.") for a in assigned)
    }
    for key, text in assigned.items():
        places[key] = text
        places.setdefault(key.partition(".")[0], text)
    return places


def _path_of(source: str | Path) -> Path:
    text = str(source)
    if "/" in text or text.endswith((".yaml", ".yml")):
        return Path(text)
    names = style_names()
    if text not in names:
        raise UnknownNameError.of("style", text, names)
    return Path(str(files("datafactory.render") / "styles" / f"{text}.yaml"))


def _tuples(value: Any) -> Any:
    """YAML lists as the tuples that strict models ask for."""
    if isinstance(value, list):
        return tuple(_tuples(item) for item in value)
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return value


def _key(location: Sequence[int | str]) -> str:
    """Dotted key of pydantic's location, without the names of a union's branches."""
    names = {model.__name__ for model in _MODELS} | {"str"}
    parts = [str(part) for part in location]
    return ".".join(p for p in parts if p not in names and "[" not in p)


def _style_error(error: ValidationError) -> SpecError:
    # Unions report every branch; the deepest one that is not about a type was meant.
    first = max(
        error.errors(),
        key=lambda e: (len(_key(e["loc"]).split(".")), e["type"] != "string_type", len(e["loc"])),
    )
    key = _key(first["loc"]) or "style"
    if first["type"] == "extra_forbidden":
        known = known_keys(Style, first["loc"])
        return SpecError(f"invalid style: {key}", where=key, why="this key is not known",
                         remedy=did_you_mean(str(first["loc"][-1]), known))  # fmt: skip
    return SpecError(
        f"invalid style: {key}",
        where=key,
        why=str(first["msg"]).removeprefix("Value error, "),
        remedy="see `datafactory config schema --style`",
    )
