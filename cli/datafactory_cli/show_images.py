"""``datafactory show --variant``: rendered images of one episode, or of many, and films."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datafactory_cli.files import save
from datafactory_cli.session import Session
from datafactory_cli.text import table

if TYPE_CHECKING:
    from datafactory.store.dataset import Dataset
    from datafactory.store.renders import VariantInfo

IMAGES_PER_ROW = 6
SHEET_COLUMNS = 5
SHEET_LIMIT = 200


@dataclass(frozen=True)
class Wanted:
    """What is to be shown.

    Attributes:
        episode, index: Which episode; the first one by default.
        sheet: One image of this many episodes instead.
        png, mp4: Files to write.
    """

    episode: str | None
    index: int | None
    sheet: int | None
    png: Path | None
    mp4: Path | None


def show_images(session: Session, dataset: Dataset, variant: str | None, wanted: Wanted) -> None:
    """Writes a contact sheet, and a film if one is asked for."""
    from datafactory.store.renders import find_variant

    info = find_variant(dataset, variant)
    if wanted.sheet is not None:
        _sheet(session, dataset, info, wanted)
        return
    _episode(session, dataset, info, wanted)


def _chosen(dataset: Dataset, wanted: Wanted, info: VariantInfo) -> Any:
    from datafactory.inspection import pick

    if wanted.episode is not None or wanted.index is not None:
        shown = pick(dataset, episode=wanted.episode, index=wanted.index, rejected=None)
        return dataset.episode(shown.attempt_id)
    return dataset.episode(_rendered(dataset, info)[0])


def _rendered(dataset: Dataset, info: VariantInfo) -> list[str]:
    """Ids of the episodes of a variant in storage order."""
    from datafactory.store.renders import rendered_ids

    done = rendered_ids(dataset, info.name)
    ids = dataset.episodes(columns=["episode_id"]).column(0).to_pylist()
    found = [key for key in ids if key in done]
    if not found:
        from datafactory.errors import DatasetError

        raise DatasetError(
            f"no episode of this version has images of the variant '{info.name}'",
            where=dataset.location.root,
            remedy="look at a later version, or render this one",
        )
    return found


def _episode(session: Session, dataset: Dataset, info: VariantInfo, wanted: Wanted) -> None:
    from datafactory.picture.film import contact_sheet, evenly, write_film
    from datafactory.render.media import decode_images
    from datafactory.store.renders import view

    episode = _chosen(dataset, wanted, info)
    views = [view(dataset, episode.episode_id, info.name, camera) for camera in info.cameras]
    pixels = [decode_images(v.video) for v in views]
    rows = [
        (f"{v.camera}: {v.length} images at {v.fps} Hz", [p[i] for i in evenly(len(p), 6)])
        for v, p in zip(views, pixels, strict=True)
    ]
    image = contact_sheet(rows, episode.instruction)
    target = save(image, wanted.png, f"images_{episode.episode_id[:12]}")
    if wanted.mp4 is not None:
        _write_film(wanted.mp4, pixels, info.fps, write_film)
    about = [
        ("instruction", episode.instruction),
        ("variant", f"{info.name}, rendered by {info.renderer} {info.renderer_version}"),
        ("cameras", ", ".join(info.cameras)),
        ("images", f"{views[0].length} per camera, {info.width} x {info.height}, {info.fps} Hz"),
        ("id", episode.episode_id),
        ("picture", str(target)),
        *([("film", str(wanted.mp4))] if wanted.mp4 else []),
    ]
    session.result(
        {**{key.replace(" ", "_"): value for key, value in about}, "cameras": list(info.cameras)},
        table(about),
    )


def _write_film(target: Path, pixels: list[Any], fps: int, write: Any) -> None:
    from datafactory.errors import SpecError, StorageError

    if target.suffix.lower() != ".mp4":
        raise SpecError("a film file ends in .mp4", where=str(target))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write(target, pixels, fps)
    except OSError as error:
        raise StorageError("cannot write the film", where=str(target), why=str(error),
                           remedy="--mp4 PATH in a writable folder") from error  # fmt: skip


def _sheet(session: Session, dataset: Dataset, info: VariantInfo, wanted: Wanted) -> None:
    from datafactory.errors import SpecError
    from datafactory.picture.film import contact_sheet, evenly
    from datafactory.store.renders import images, view

    count = wanted.sheet or 0
    if not 1 <= count <= SHEET_LIMIT:
        raise SpecError(f"--sheet takes 1 to {SHEET_LIMIT}", why=f"got {count}")
    camera = info.cameras[0]
    every = _rendered(dataset, info)
    chosen = [every[i] for i in evenly(len(every), count)]
    heads = [view(dataset, key, info.name, camera, media=False) for key in chosen]
    pictures = [images(dataset, head, [head.length // 2])[0] for head in heads]
    rows = [
        ("", pictures[start : start + SHEET_COLUMNS])
        for start in range(0, len(pictures), SHEET_COLUMNS)
    ]
    title = f"{info.name}, {camera}: {len(chosen)} of {len(every):,} episodes"
    target = save(contact_sheet(rows, title), wanted.png, "images")
    session.result(
        {"picture": str(target), "episodes": chosen},
        f"picture: {target} ({len(chosen)} of {len(every):,} episodes)",
    )
