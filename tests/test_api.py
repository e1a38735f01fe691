"""The public Python API: light to import, complete, and three lines are enough."""

from __future__ import annotations

import subprocess
import sys

import pytest

import datafactory as df
from datafactory.errors import AssetError, SpecError, UnknownNameError
from tests.fake_generator import SPEC, register

HEAVY = ("numpy", "mujoco", "lance", "pyarrow", "dask", "pydantic", "rich", "PIL", "yaml", "scipy")


@pytest.fixture
def plugins(tmp_path, monkeypatch):
    register(tmp_path / "plugins")
    monkeypatch.syspath_prepend(str(tmp_path / "plugins"))


def test_names_are_sorted_and_exist():
    assert df.__all__ == sorted(df.__all__)
    for name in df.__all__:
        assert getattr(df, name) is not None
    assert set(dir(df)) == set(df.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = df.nothing


def test_import_is_light():
    code = f"import sys, datafactory; print([m for m in {HEAVY!r} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_functions_stay_functions_when_modules_of_their_name_are_imported():
    code = (
        "import datafactory.verify, datafactory.validate, datafactory.executor.resume\n"
        "import datafactory as df\n"
        "assert callable(df.verify) and callable(df.validate) and callable(df.resume)\n"
        "from datafactory.verify import VerifyReport\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_three_lines_make_the_same_task_as_yaml(tmp_path):
    task = df.Task(
        "put {a} on {b}",
        objects={"a": df.query("mug"), "b": df.query("plate")},
        goal=df.on("a", "b"),
        name="mugs",
    )
    path = tmp_path / "mugs.yaml"
    path.write_text(
        "objects: {a: mug, b: plate}\n"
        "goal: {relation: on, subject: a, object: b}\n"
        "instructions: {train: ['put {a} on {b}']}\n"
    )
    assert df.load_task(path) == task


def test_goals_combine():
    goal = (df.on("a", "b") & df.left("a", "c")) | df.inside("a", "d")
    assert str(goal) == "on(a, b) and left(a, c) or in(a, d)"
    assert str(df.near("a", "b").then(df.stacked("a", "c"))) == "near(a, b) then stacked(a, c)"


def test_query_refuses_unknown_conditions():
    assert df.query("mug", max_mass_kg=0.5).to_dict() == {"category": ["mug"], "max_mass_kg": 0.5}
    assert df.query(["mug", "cup"]).to_dict() == {"category": ["cup", "mug"]}
    with pytest.raises(AssetError, match="graspable"):
        df.query("mug", graspble=True)


def test_load_task_errors(tmp_path):
    with pytest.raises(UnknownNameError, match="did you mean"):
        df.load_task("put_on_plat")
    path = tmp_path / "bad.yaml"
    path.write_text("objects: {a: mug}\ngoal: {relation: on, subject: a, object: c}\n")
    with pytest.raises(SpecError) as caught:
        df.load_task(path)
    assert "bad.yaml" in caught.value.where


def test_generate_and_open(tmp_path, plugins):
    events = []
    summary = df.generate(
        SPEC, n=4, out=tmp_path / "data", workers=1, robot="primitive_arm", on_event=events.append
    )
    assert (summary.status, summary.accepted, summary.planned) == ("complete", 4, 4)
    assert events[-1].accepted == 4
    dataset = df.open(tmp_path / "data")
    assert len(dataset) == 4
    assert dataset.episode(0).robot == "primitive_arm"
    again = df.resume(str(tmp_path / "data"), n=5, workers=1)
    assert (again.accepted, again.made) == (5, 1)


def test_generate_checks_its_arguments(tmp_path, plugins):
    with pytest.raises(SpecError, match="at least 1"):
        df.generate(SPEC, n=0, out=tmp_path / "data")
    with pytest.raises(UnknownNameError, match="robot"):
        df.generate(SPEC, n=1, out=tmp_path / "data", robot="r2d2")
    with pytest.raises(SpecError, match="whole number"):
        df.generate(SPEC, n=1.5, out=tmp_path / "data")
    assert not (tmp_path / "data").exists()
