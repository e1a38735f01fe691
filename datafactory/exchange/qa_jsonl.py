"""Exporter of spatial questions for training vision-language models: JSON lines beside images.

``qa.jsonl`` has one conversation a line, in the form LLaVA made common; ``train.jsonl`` and
``held_out.jsonl`` are the same lines by split. Coordinates in the answers are pixels of the images
written: ``images/<episode>_<camera>_<image>.jpg``, already resized.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datafactory.errors import SpecError
from datafactory.exchange.contract import ExportOptions, ExportSummary, Progress
from datafactory.qa.answers import KINDS
from datafactory.qa.forms import FORMS, Form
from datafactory.qa.questions import Rules, questions
from datafactory.qa.resize import Resize
from datafactory.qa.sample import QASample
from datafactory.render.media import decode_images
from datafactory.render.view import View
from datafactory.seeding import stream
from datafactory.store.dataset import Dataset
from datafactory.store.renders import check_cameras, find_variant, iter_episode_views, rendered_ids
from datafactory.store.stored import StoredEpisode

QUALITY = 95
SPLITS = ("train", "held_out")
MIXED = "mixed"


@dataclass(frozen=True)
class _Choice:
    """The exporter's own options, read.

    Attributes:
        rules: What is asked.
        resize: Size of the images.
        per_episode: Largest number of questions about an episode; None for all there are.
        seed: Another seed gives other questions.
    """

    rules: Rules
    resize: Resize
    per_episode: int | None
    seed: int


class QAJsonl:
    """Writes question answering data; see ``contract.Exporter``."""

    name = "qa-jsonl"
    description = "Questions about the images (boxes, points, traces, plans) as LLaVA-style JSONL"
    settings: Mapping[str, str] = {
        "form": f"form of the answers: {', '.join(FORMS)}, or {MIXED} (default)",
        "kinds": f"kinds of questions, separated by commas: {', '.join(KINDS)} (default: all)",
        "images": f"images of a view that are asked about ({Rules().images})",
        "per_episode": "largest number of questions about an episode (default: all)",
        "min_visibility": "objects of which a smaller share is seen are not asked about "
        f"({Rules().min_visibility})",
        "min_side": f"shortest side of a box in an answer, pixels ({Rules().min_side})",
        "min_pixels": f"least width x height of an image ({Resize().min_pixels})",
        "max_pixels": f"greatest width x height of an image ({Resize().max_pixels})",
        "seed": "another seed gives other questions (0)",
    }
    single_file = False
    honours: frozenset[str] = frozenset()

    def write(
        self, dataset: Dataset, target: Path, options: ExportOptions, progress: Progress
    ) -> ExportSummary:
        """Writes the export; see ``contract.Exporter.write``.

        Raises:
            SpecError: A setting is wrong, there is nothing to export, or the images were imported.
            DatasetError: Nothing was rendered.
            UnknownNameError: There is no such variant or camera.
        """
        choice = _choice(options.settings)
        variant = find_variant(dataset, options.variant)
        cameras = check_cameras(variant, options.cameras)
        matching, rendered = _count(dataset, variant.name, options)
        total = rendered if options.limit is None else min(rendered, options.limit)
        found = iter_episode_views(dataset, variant.name, cameras, options.where)
        (target / "images").mkdir(parents=True)
        kinds: Counter[str] = Counter()
        images = done = 0
        with ExitStack() as files:
            names = ("qa", *SPLITS)
            out = {n: files.enter_context((target / f"{n}.jsonl").open("w", encoding="utf-8"))
                   for n in names}  # fmt: skip
            for episode, views in islice(found, options.limit):
                samples = _samples(episode, views, choice)
                images += _write_images(target, views, samples)
                for sample in samples:
                    line = json.dumps(_line(sample, episode), ensure_ascii=False) + "\n"
                    out["qa"].write(line)
                    out[sample.split].write(line)
                kinds.update(s.kind for s in samples)
                done += 1
                progress(done, total)
        if not kinds:
            raise _nothing("none of the images has a clear answer to such questions",
                           "ask for more kinds or images, or lower min_visibility")  # fmt: skip
        counts = ", ".join(f"{kinds[k]} {k}" for k in KINDS if kinds[k])
        remarks = [f"{kinds.total()} questions: {counts}"]
        if rendered < matching and (options.limit is None or rendered < options.limit):
            remarks.append(f"{matching - rendered} of {matching} episodes have no images of "
                           f"'{variant.name}' and were left out")  # fmt: skip
        return ExportSummary(str(target), done, images, 0, tuple(remarks))


def _count(dataset: Dataset, variant: str, options: ExportOptions) -> tuple[int, int]:
    """Number of episodes that match the filter, and of those of them that have images."""
    ids = set(dataset.episodes(options.where, columns=["episode_id"]).column(0).to_pylist())
    if not ids:
        raise _nothing(f"no episode of {len(dataset)} matches {options.where!r}",
                       "check the filter")  # fmt: skip
    rendered = len(ids & rendered_ids(dataset, variant))
    if not rendered:
        raise _nothing(f"none of the {len(ids)} episodes has images of '{variant}'",
                       "render them, or choose another --variant")  # fmt: skip
    return len(ids), rendered


def _nothing(why: str, remedy: str) -> SpecError:
    return SpecError("there is nothing to export", why=why, remedy=remedy)


def _choice(settings: Mapping[str, str]) -> _Choice:
    resize, rules = Resize(), Rules()
    form, kinds = settings.get("form", MIXED), settings.get("kinds")
    forms: tuple[Form, ...] = tuple(f for f in FORMS if form in (f, MIXED))
    if not forms:
        raise SpecError(
            f"form = {form} is no form of answers",
            where="form",
            remedy=f"use one of {', '.join((*FORMS, MIXED))}",
        )
    return _Choice(
        rules=Rules(
            kinds=rules.kinds if kinds is None else tuple(k.strip() for k in kinds.split(",")),
            forms=forms,
            images=_number(settings, "images", rules.images),
            min_visibility=_share(settings, "min_visibility", rules.min_visibility),
            min_side=_number(settings, "min_side", rules.min_side),
        ),
        resize=Resize(
            _number(settings, "min_pixels", resize.min_pixels),
            _number(settings, "max_pixels", resize.max_pixels),
        ),
        per_episode=_number(settings, "per_episode", 1) if "per_episode" in settings else None,
        seed=_number(settings, "seed", 0, least=0),
    )


def _number(settings: Mapping[str, str], name: str, default: int, least: int = 1) -> int:
    text = settings.get(name, str(default))
    if not (text.isascii() and text.isdigit()) or int(text) < least:
        raise SpecError(
            f"{name} = {text} is no whole number of at least {least}",
            where=name,
            remedy=f"{name}={max(default, least)}",
        )
    return int(text)


def _share(settings: Mapping[str, str], name: str, default: float) -> float:
    text = settings.get(name, str(default))
    try:
        return float(text)
    except ValueError as error:
        raise SpecError(
            f"{name} = {text} is no number", where=name, remedy=f"{name}={default}"
        ) from error


def _samples(episode: StoredEpisode, views: Mapping[str, View], choice: _Choice) -> list[QASample]:
    """The questions about an episode; the same whatever else is exported."""
    found: list[QASample] = []
    for camera, view in views.items():
        name = f"qa/{view.variant}/{camera}/{choice.seed}"
        rng = stream(episode.run_seed, episode.spec_hash, episode.attempt, name)
        found += questions(view, episode, rng, choice.resize, choice.rules)
    if choice.per_episode is None or len(found) <= choice.per_episode:
        return found
    name = f"qa/{next(iter(views.values())).variant}/{choice.seed}"
    rng = stream(episode.run_seed, episode.spec_hash, episode.attempt, name)
    kept = rng.choice(len(found), choice.per_episode, replace=False)
    return [found[i] for i in sorted(kept.tolist())]


def _image_name(episode_id: str, camera: str, image: int) -> str:
    return f"images/{episode_id}_{camera}_{image}.jpg"


def _write_images(target: Path, views: Mapping[str, View], samples: Sequence[QASample]) -> int:
    """Writes the images that are asked about; returns their number."""
    import simplejpeg

    count = 0
    for camera, view in views.items():
        mine = [s for s in samples if s.camera == camera]
        wanted = sorted({s.frame for s in mine})
        if not wanted:
            continue
        frames = decode_images(view.video, wanted)
        size = (mine[0].width, mine[0].height)
        for image, rgb in zip(wanted, _resized(frames, size), strict=True):
            data = simplejpeg.encode_jpeg(rgb, QUALITY, "RGB", "444")
            (target / _image_name(view.episode_id, camera, image)).write_bytes(data)
        count += len(wanted)
    return count


def _resized(frames: NDArray[np.uint8], size: tuple[int, int]) -> Iterator[NDArray[np.uint8]]:
    from PIL import Image

    for frame in frames:
        if frame.shape[1::-1] == size:
            yield np.ascontiguousarray(frame)
        else:
            resized = Image.fromarray(frame).resize(size, Image.Resampling.BICUBIC)
            yield np.ascontiguousarray(resized)


def _line(sample: QASample, episode: StoredEpisode) -> dict[str, Any]:
    return {
        "id": sample.question_id,
        "image": _image_name(sample.episode_id, sample.camera, sample.frame),
        "width": sample.width,
        "height": sample.height,
        "conversations": [
            {"from": "human", "value": f"<image>\n{sample.question}"},
            {"from": "gpt", "value": sample.answer_text},
        ],
        "kind": sample.kind,
        "form": sample.form,
        "split": sample.split,
        "task": episode.task,
    }
