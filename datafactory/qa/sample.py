"""One question about one image, with its answer typed and as text."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from datafactory.qa.answers import Answer
from datafactory.qa.forms import Form

Split = Literal["train", "held_out"]


@dataclass(frozen=True)
class QASample:
    """One question and its answer.

    Attributes:
        question_id: Hash of the image and the question, 32 hex digits.
        episode_id, variant, camera: The view.
        frame: Image index within the view.
        kind: One of ``answers.KINDS``.
        question: The question, with the form the answer is to have.
        form: ``json``, ``xml`` or ``plain``.
        answer: The typed answer.
        answer_text: The answer in that form.
        width, height: Size of the resized image whose pixels the coordinates are.
        split: ``held_out`` when the phrasing, or the episode's instruction quoted in it, is kept
            out of training.
    """

    question_id: str
    episode_id: str
    variant: str
    camera: str
    frame: int
    kind: str
    question: str
    form: Form
    answer: Answer
    answer_text: str
    width: int
    height: int
    split: Split


def question_id(episode_id: str, variant: str, camera: str, frame: int, question: str) -> str:
    """32 hex digits of blake2b over the image and the question."""
    text = "\n".join((episode_id, variant, camera, str(frame), question))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
