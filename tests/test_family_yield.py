"""Every built-in family is measured, in a task that its generator accepts."""

from __future__ import annotations

import pytest

from benchmarks.family_yields import PAGE, row
from datafactory.errors import UnknownNameError
from datafactory.family_yield import (
    FAMILY_BAR,
    STOOD_IN,
    WEAK,
    FamilyYield,
    family_tasks,
    measure_family,
)
from datafactory.spec import task_from_dict
from datafactory_assets.families import Tier0, Tier1
from datafactory_assets.tables import table_families


@pytest.fixture(scope="module")
def tasks():
    return {task.family: task for task in family_tasks()}


def test_every_family_has_a_task_that_names_it(tasks):
    objects = [info for source in (Tier0(), Tier1()) for info in source.families()]
    names = {info.name for info in (*objects, *table_families())}
    assert set(tasks) == names
    assert names >= {*WEAK, *STOOD_IN}
    for info in objects:
        asked = tasks[info.name].data["objects"]
        assert asked["a" if info.graspable else "b"]["family"] == [info.name] or (
            info.name in asked["a"]["family"] + asked["b"]["family"]
        )
    for table in table_families():
        assert tasks[table.name].data["layout"] == {"table": {"family": table.name}}
    for task in tasks.values():
        task_from_dict(task.data)


def test_the_page_lists_every_family_and_every_reason(tasks):
    text = PAGE.read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    goals = {cells[0].strip("`"): cells[2] for cells in rows}
    assert goals == {name: task.goal.replace("_", " ") for name, task in tasks.items()}
    for cells in rows:
        accepted, attempts = (int(word) for word in cells[3].rstrip(" |").split(" of "))
        assert accepted >= FAMILY_BAR * attempts or cells[0].strip("`") in WEAK
    assert all(f"- `{family}`: {why}." in text for family, why in WEAK.items())


def test_a_row_tells_the_most_frequent_reason():
    found = {"family": "can", "source": "tier0", "goal": "it in open_box", "attempts": 4}
    line = row({**found, "accepted": 1, "reasons": {"no_grasp": 2, "dropped": 1}})
    assert line == "| `can` | tier0 | it in open box | 1 of 4 | `no_grasp` 2 |"


def test_goals_fit_the_families(tasks):
    assert tasks["can"].goal == "it in open_box or basket"
    assert tasks["rolling_pin"].goal == "it on tray"
    assert tasks["bottle_crate"].goal == "bottle upright in it"
    assert tasks["pencil"].goal.endswith(" near it")
    assert tasks["desk"].goal.endswith(", at it")


def test_unknown_families_are_refused():
    with pytest.raises(UnknownNameError, match="plat"):
        family_tasks(["plat"])


def test_attempts_are_counted(tasks):
    found = measure_family(tasks["can"], n=3, seed=0, robot="primitive_arm")
    assert found.attempts == 3
    assert found.accepted + sum(found.reasons.values()) == 3
    assert found.accepted > 0


def test_a_yield_below_the_bar_needs_a_reason():
    def passed(family: str, accepted: int) -> bool:
        return FamilyYield(family, "tier1", "", 10, accepted, {}).passed

    assert passed("can", round(10 * FAMILY_BAR))
    assert not passed("can", 4)
    assert all(passed(family, 0) for family in WEAK)
