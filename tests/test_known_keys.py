"""A remedy names keys of the place where the wrong one stands."""

from __future__ import annotations

import pytest

from datafactory.errors import SpecError
from datafactory.known_keys import known_keys
from datafactory.render.library import load_style
from datafactory.render.style import Style
from datafactory.spec import TaskSpec, task_from_dict
from datafactory_zoo.recipe import Recipe, recipe_from_dict


def test_each_place_knows_its_own_keys():
    assert known_keys(Style, ["width"]) == set(Style.model_fields)
    lens = known_keys(Style, ["cameras", 0, "CameraSpec", "lens", "with"])
    assert "width" in lens
    assert "cameras" not in lens
    assert "steps" in known_keys(Recipe, ["train", "step"])
    assert "count" in known_keys(TaskSpec, ["distractors", "cuont"])
    assert "count" not in known_keys(TaskSpec, ["cuont"])


def test_a_key_of_another_place_is_not_its_own_remedy():
    with pytest.raises(SpecError) as error:
        load_style("small", ["width=96"])
    assert "'width'" not in error.value.remedy
    with pytest.raises(SpecError) as error:
        recipe_from_dict({"name": "x", "policy": "act", "batch": 3})
    assert "'batch'" not in error.value.remedy
    case = {"objects": {"a": {"family": "can"}, "b": {"family": "basket"}},
            "goal": {"relation": "in", "subject": "a", "object": "b"},
            "instructions": {"train": ["put {a} in {b}"]}}  # fmt: skip
    with pytest.raises(SpecError) as error:
        task_from_dict({"name": "x", "generator": "pick_place", **case, "intial": []})
    assert error.value.remedy == "did you mean 'initial'?"
    with pytest.raises(SpecError) as error:
        task_from_dict({"name": "x", "generator": "pick_place", "cases": [case], "intial": []})
    assert "initial" not in error.value.remedy
    with pytest.raises(SpecError, match=r"optimiser\.lrr") as error:
        recipe_from_dict({"name": "x", "policy": "act", "optimiser": {"lrr": 3}})
    assert error.value.remedy == "did you mean 'lr'?"
