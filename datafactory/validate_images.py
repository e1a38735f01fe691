"""The ``images`` stage of ``validate``: rendered views are whole and fit their episode."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np

from datafactory.errors import DatasetCorruptError, DatasetError
from datafactory.render.media import decode_images, decode_masks, image_count
from datafactory.render.view import View
from datafactory.store.dataset import Dataset
from datafactory.store.renders import identities, variants, views
from datafactory.store.stored import StoredEpisode
from datafactory.validate_stages import Case, Examiner, Finding, Stage

ROTATION_TOLERANCE = 1e-5


def _images(dataset: Dataset, _: Collection[str] | None) -> Examiner:
    found = variants(dataset)
    open_views: dict[str, Iterator[View]] = {v.name: views(dataset, v.name) for v in found}
    ahead: dict[str, View | None] = {}
    broken: list[Finding] = []

    def advance(variant: str) -> None:
        try:
            ahead[variant] = next(open_views[variant], None)
        except (DatasetCorruptError, DatasetError) as error:
            ahead[variant] = None
            broken.append(Finding(variant, f"{error.what}: {error.where} {error.why}".strip()))

    for variant in open_views:
        advance(variant)
        if len(identities(dataset, variant)) > 1:
            broken.append(Finding(variant, "mixes images of several styles or renderers"))

    def episode(case: Case) -> Iterator[str]:
        for info in found:
            seen = set()
            while (view := ahead[info.name]) and view.episode_id == case.episode.episode_id:
                seen.add(view.camera)
                yield from _view(case.episode, view)
                advance(info.name)
            lost = set(info.cameras) - seen
            if seen and lost:
                yield f"variant {info.name} has no images of {', '.join(sorted(lost))}"

    def finish() -> Iterator[Finding]:
        yield from broken
        for name, view in ahead.items():
            if view is not None:
                what = f"variant {name} has images of it, but it is no episode, or is there twice"
                yield Finding(view.episode_id, what)

    return Examiner(episode, finish)


def _view(episode: StoredEpisode, view: View) -> Iterator[str]:
    name = f"{view.variant}/{view.camera}"
    stride = episode.fps // view.fps
    if not np.array_equal(view.frames, np.arange(0, episode.length, max(1, stride))):
        yield f"{name} does not show every {stride}. frame of {episode.length}"
    count = image_count(view.video)
    if count != view.length:
        yield f"{name} has {count} images instead of {view.length}"
        return
    try:
        ends = decode_images(view.video, [0, count - 1])
        labels = None if view.masks is None else decode_masks(view.masks, [0, count - 1])
    except DatasetCorruptError as error:
        yield f"{name}: {error.what}"
        return
    size = (view.intrinsics.height, view.intrinsics.width)
    if ends.shape[1:3] != size:
        yield f"{name} has images of {ends.shape[2]} x {ends.shape[1]}, not {size[1]} x {size[0]}"
    if labels is not None and labels.max() >= len(view.entities):
        yield f"{name} has a mask value {labels.max()} without a name"
    length = np.abs(np.linalg.norm(view.world_from_camera[:, 3:], axis=1) - 1.0).max()
    if length > ROTATION_TOLERANCE:
        yield f"{name} has a camera quaternion that is off unit length by {length:.2g}"


IMAGES = Stage("images", "rendered views are whole, readable and fit their episode", _images)
