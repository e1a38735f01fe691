"""What a policy is tested on: the task as trained, and one thing changed at a time."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from datafactory.errors import SpecError, UnknownNameError
from datafactory.render.style import CameraRanges, Style
from datafactory.task_suite import VARIANTS, is_suite_task, task_suite, task_suites
from datafactory_zoo.eyes import Sight

Task = dict[str, Any]


@dataclass(frozen=True)
class Suite:
    """One evaluation suite.

    Attributes:
        name: Its name.
        meaning: What differs from training, one line.
        given: The task of a task suite that is run instead of the trained one.
    """

    name: str
    meaning: str
    given: Mapping[str, Any] | None = None

    def task(self, data: Mapping[str, Any]) -> Task:
        """The task with this suite's change, as plain data.

        Raises:
            SpecError: The task has nothing this suite could change.
        """
        changed = copy.deepcopy(dict(self.given or data))
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
    """Where queries for the objects of roles and sets stand."""
    found = []
    for case in _cases(task):
        objects = case.get("objects") or {}
        found += [(objects, role) for role in objects]
        found += [(members, "query") for members in (case.get("sets") or {}).values()]
    return found


def _as_mapping(query: Any) -> dict[str, Any]:
    return {"category": query} if isinstance(query, str) else dict(query)


def _fixed(task: Task, suite: str, why: str) -> SpecError:
    return SpecError(
        f"suite '{suite}' cannot change task '{task.get('name', '')}'", why=why,
        remedy="run the unseen variant of a task suite: --suite pick_place_200/017/unseen",
    )  # fmt: skip


def _unseen_objects(task: Task) -> None:
    for place, key in _queries(task):
        query = _as_mapping(place[key])
        if query.get("instances"):
            raise _fixed(task, "unseen_objects", "it names the very objects it uses")
        place[key] = {**query, "split": "unseen"}


def _unseen_positions(task: Task) -> None:
    """A ring outside the trained one: bearings beyond it on both sides, at the same distances."""
    if any(case.get("zones") for case in _cases(task)):
        raise _fixed(task, "unseen_positions", "its zones say where objects lie")
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
        elif words is None and "form" in case.get("goal", {}):
            case["held_out_share"], found = 1.0, True
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
    """A suite of this module by name.

    Raises:
        UnknownNameError: There is none of this name.
    """
    if name not in SUITES:
        raise UnknownNameError.of("evaluation suite", name, (*SUITES, *task_suites()))
    return SUITES[name]


def suites_named(name: str) -> list[Suite]:
    """A suite by name; or tasks of a task suite: all, both variants of one, or one variant.

    Args:
        name: Such as ``physics``, ``pick_place_200``, ``pick_place_200/017`` or
            ``pick_place_200/017/unseen``.

    Raises:
        UnknownNameError: There is none of this name.
    """
    if name in SUITES or not (is_suite_task(name) or name in task_suites()):
        return [suite(name)]
    whole, _, rest = name.partition("/")
    number, _, variant = rest.partition("/")
    found = task_suite(whole)
    tasks = [found.task(number)] if number else found.tasks
    return [
        Suite(f"{whole}/{task.number}/{v}", f"{task.title}, {v}", task.variants[v])
        for v in ([variant] if variant else VARIANTS)
        for task in tasks
    ]
