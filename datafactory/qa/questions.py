"""Questions about the images of a view: which images, which kinds, which phrasing, which form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from datafactory.errors import SpecError, UnknownNameError
from datafactory.qa.answers import KINDS
from datafactory.qa.drafts import DRAFTS, Draft
from datafactory.qa.forms import FORMS, Form, write_answer
from datafactory.qa.phrases import ask, form_hint, scope_hint
from datafactory.qa.resize import Resize
from datafactory.qa.sample import QASample, Split, question_id
from datafactory.qa.shown import Shown
from datafactory.qa.story import sub_tasks
from datafactory.render.view import View
from datafactory.store.stored import StoredEpisode

UNSCOPED = frozenset({"trajectory", "plan"})
"""Kinds whose answers do not depend on which objects are meant to count."""


@dataclass(frozen=True)
class Rules:
    """What is asked.

    Attributes:
        kinds: Kinds of questions, see ``answers.KINDS``.
        forms: Forms of answers; one is drawn for every question.
        images: Images of a view that are asked about: the first, and others at random.
        min_visibility: Smallest share of an object's outline that must be seen.
        min_side: Shortest side of a box, in pixels of the resized image.
        held_out_share: Share of questions in a held-out phrasing, in [0, 1].
    """

    kinds: tuple[str, ...] = tuple(KINDS)
    forms: tuple[Form, ...] = FORMS
    images: int = 4
    min_visibility: float = 0.3
    min_side: int = 8
    held_out_share: float = 0.1

    def __post_init__(self) -> None:
        for what, chosen, known in (
            ("question kind", self.kinds, tuple(KINDS)),
            ("answer form", self.forms, FORMS),
        ):
            for name in chosen:
                if name not in known:
                    raise UnknownNameError.of(what, name, known)
            if not chosen:
                raise SpecError(f"at least one {what} is needed")
        if self.images < 1 or self.min_side < 1:
            raise SpecError("'images' and 'min_side' are at least 1")
        if not (0.0 < self.min_visibility <= 1.0 and 0.0 <= self.held_out_share <= 1.0):
            raise SpecError("'min_visibility' and 'held_out_share' are shares in [0, 1]")


def questions(
    view: View,
    episode: StoredEpisode,
    rng: np.random.Generator,
    resize: Resize | None = None,
    rules: Rules | None = None,
) -> list[QASample]:
    """Questions about a view: at most one of each kind for each image.

    A kind is left out of an image for which it has no unambiguous, visible answer.

    Args:
        view: The rendered view, with or without its media.
        episode: The episode it shows.
        rng: Where all choices come from; the same generator state gives the same questions.
        resize: Size of the images the coordinates are for; the default budget if None.
        rules: What is asked; the defaults if None.

    Raises:
        SpecError: The camera is not known, as that of imported images.
    """
    rules = rules or Rules()
    _check_camera(view)
    width, height = (resize or Resize()).size(view.intrinsics.width, view.intrinsics.height)
    story = sub_tasks(episode)
    found: dict[str, QASample] = {}
    for image in _images(view.length, rules.images, rng):
        shown = Shown(
            view, episode, story, image, width, height, rules.min_visibility, rules.min_side
        )
        for sample in _about(shown, rules, rng):
            found.setdefault(sample.question_id, sample)
    return list(found.values())


def _check_camera(view: View) -> None:
    k = view.intrinsics
    if not np.isfinite([k.fx, k.fy, k.cx, k.cy]).all():
        raise SpecError(
            f"nothing can be asked about the images of the variant '{view.variant}'",
            where=f"episode {view.episode_id}, camera {view.camera}",
            why=f"{view.renderer} made them: the camera and what it shows are not known",
            remedy="choose a --variant that was rendered from the episodes' states",
        )


def _images(length: int, wanted: int, rng: np.random.Generator) -> Sequence[int]:
    """The first image and others at random, in order."""
    others = rng.choice(length - 1, size=min(wanted, length) - 1, replace=False) + 1
    return [0, *sorted(others.tolist())]


def _about(shown: Shown, rules: Rules, rng: np.random.Generator) -> Iterator[QASample]:
    for kind in rules.kinds:
        draft = DRAFTS[kind](shown, rng)
        if draft is not None:
            yield _sample(shown, kind, draft, rules, rng)


def _sample(
    shown: Shown, kind: str, draft: Draft, rules: Rules, rng: np.random.Generator
) -> QASample:
    view = shown.view
    phrasing: Split = "held_out" if rng.random() < rules.held_out_share else "train"
    split: Split = "held_out" if draft.held_out else phrasing
    form = rules.forms[int(rng.integers(len(rules.forms)))]
    sentences = [ask(kind, phrasing, draft.slots, rng)]
    if shown.room and kind not in UNSCOPED:
        sentences.append(scope_hint(rng))
    sentences.append(form_hint(draft.answer, form, shown.width, shown.height, rng))
    question = " ".join(sentences)
    return QASample(
        question_id=question_id(view.episode_id, view.variant, view.camera, shown.image, question),
        episode_id=view.episode_id,
        variant=view.variant,
        camera=view.camera,
        frame=shown.image,
        kind=kind,
        question=question,
        form=form,
        answer=draft.answer,
        answer_text=write_answer(draft.answer, form),
        width=shown.width,
        height=shown.height,
        split=split,
    )
