"""What a policy is tested on: the task as trained, and one thing changed at a time."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from datafactory.errors import SpecError, UnknownNameError
from datafactory.render.style import CameraRanges, Style
from datafactory_zoo.eyes import Sight

Task = dict[str, Any]


@dataclass(frozen=True)
class Suite:
    """One evaluation suite.

    Attributes:
        name: Its name.
        meaning: What differs from training, one line.
    """

    name: str
    meaning: str

    def task(self, data: Mapping[str, Any]) -> Task:
        """The task with this suite's change, as plain data.

        Raises:
            SpecError: The task has nothing this suite could change.
        """
        changed = copy.deepcopy(dict(data))
        if self.name in _CHANGES:
            _CHANGES[self.name](changed)
        return changed

    def sight(self, sight: Sight | None) -> Sight | None:
        """How pictures are drawn in this suite, given how the training's were; None for none.

        Raises:
            SpecError: The suite changes pictures, and there are none or none that it could change.
        """
        if self.name not in _LOOKS:
            return sight
        if sight is None:
            raise SpecError(
                f"suite '{self.name}' changes only what cameras see",
                why="the policy sees no pictures", remedy=f"leave the suite '{self.name}' out",
            )  # fmt: skip
        return Sight(_LOOKS[self.name](sight.style), sight.renderer)


def _cases(task: Task) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = task.get("cases", [task])
    return cases


def _queries(task: Task) -> list[tuple[dict[str, Any], str]]:
    return [(case["objects"], role) for case in _cases(task) for role in case["objects"]]


def _as_mapping(query: Any) -> dict[str, Any]:
    return {"category": query} if isinstance(query, str) else dict(query)


def _unseen_objects(task: Task) -> None:
    for objects, role in _queries(task):
        objects[role] = {**_as_mapping(objects[role]), "split": "unseen"}


def _unseen_positions(task: Task) -> None:
    """A ring outside the trained one: bearings beyond it on both sides, at the same distances."""
    layout = dict(task.get("layout", {}))
    low, high = layout.get("angle_rad", (-0.9, 0.9))
    layout["angle_rad"] = [low - 0.25, high + 0.25]
    layout["radius_m"] = layout.get("radius_m", [0.36, 0.66])
    task["layout"] = layout


def _unseen_instructions(task: Task) -> None:
    found = False
    for case in _cases(task):
        words = case.get("instructions")
        if isinstance(words, dict) and words.get("held_out"):
            words["held_out_share"], found = 1.0, True
    if not found:
        raise SpecError(f"task '{task.get('name', '')}' has no held-out instructions",
                        remedy="leave the suite 'unseen_instructions' out")  # fmt: skip


def _distractors(task: Task) -> None:
    task["distractors"] = {**dict(task.get("distractors", {})), "count": [6, 10]}


def _disturbed(task: Task) -> None:
    randomize = dict(task.get("randomize", {}))
    task["randomize"] = {
        **randomize, "mass_scale": [0.5, 2.0], "friction_scale": [0.7, 1.3], "home_rad": 0.06,
    }  # fmt: skip


def _camera_shift(style: Style) -> Style:
    """Cameras are off by up to 3 cm and 3 degrees about each axis more than in training."""
    trained = style.randomise.ranges()[2]
    more = {
        "position_m": min(1.0, trained.position_m + SHIFT_M),
        "rotation_deg": min(45.0, trained.rotation_deg + SHIFT_DEG),
    }
    ranges = CameraRanges(**{**trained.model_dump(), **more})
    return _randomised(style, "camera", ranges)


def _light_shift(style: Style) -> Style:
    """Light from anywhere, of any strength and colour that is drawn at all."""
    if style.randomise.lights == "high":
        raise SpecError(
            "suite 'light_shift' has no light that training had not", where=style.style,
            why="its lights were drawn from the widest ranges already",
            remedy="leave the suite 'light_shift' out",
        )  # fmt: skip
    return _randomised(style, "lights", "high")


def _randomised(style: Style, part: str, how: Any) -> Style:
    return style.model_copy(update={"randomise": style.randomise.model_copy(update={part: how})})


SHIFT_M, SHIFT_DEG = 0.03, 3.0
_LOOKS: Mapping[str, Callable[[Style], Style]] = {
    "camera_shift": _camera_shift,
    "light_shift": _light_shift,
}
_CHANGES: Mapping[str, Callable[[Task], None]] = {
    "unseen_objects": _unseen_objects,
    "unseen_positions": _unseen_positions,
    "unseen_instructions": _unseen_instructions,
    "distractors": _distractors,
    "physics": _disturbed,
}
SUITES: Mapping[str, Suite] = {
    s.name: s
    for s in (
        Suite("seen", "unseen seeds of the task as it was trained"),
        Suite("unseen_objects", "object instances kept out of training data"),
        Suite("unseen_positions", "bearings beyond the trained ones"),
        Suite("unseen_instructions", "held-out phrasings only"),
        Suite("distractors", "six to ten distractors"),
        Suite("camera_shift", "cameras moved and turned; for policies that see"),
        Suite("light_shift", "light of other direction and strength; for policies that see"),
        Suite("physics", "other masses, friction and start postures"),
    )
}  # fmt: skip


def suite(name: str) -> Suite:
    """A suite by name.

    Raises:
        UnknownNameError: There is none of this name.
    """
    if name not in SUITES:
        raise UnknownNameError.of("evaluation suite", name, SUITES)
    return SUITES[name]
