"""Task files: lines, dialect, precedence, and messages that name the place."""

from __future__ import annotations

import pytest

from datafactory.errors import SpecError, UnknownNameError
from datafactory.settings import bind_task, explain, resolve_run, unknown_variables
from datafactory.taskfile import apply_set, load_task_file, load_yaml_file, merge

TASK = """\
name: mugs
robot: franka_panda
objects:
  a: {family: mug}
  b: {family: plate}
goal:
  - {relation: on, subject: a, object: b}
instructions:
  train: ["put {a} on {b}"]
randomize:
  mass_scale: [0.9, 1.1]
"""


@pytest.fixture
def task_file(tmp_path):
    path = tmp_path / "mugs.yaml"
    path.write_text(TASK)
    return path


def bound(path, *assignments, config=None, environ=None, **flags):
    settings = resolve_run(
        {"task": None if path is None else str(path), **flags},
        config=config, assignments=assignments, environ=environ or {},
    )  # fmt: skip
    return settings, bind_task(settings)


def test_lines_of_keys_and_items(task_file):
    document = load_task_file(task_file)
    assert document.lines["goal"] == 6
    assert document.lines["goal.0.relation"] == 7
    assert document.lines["randomize.mass_scale.1"] == 11
    assert document.where("randomize.nothing").endswith("mugs.yaml:10:randomize.nothing")


def test_on_is_a_word_and_numbers_are_numbers(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("a: on\nb: yes\nc: true\nd: 1e-3\ne: -2.5\nf: 3\ng: .inf\n")
    data = load_yaml_file(path).data
    expected = {"a": "on", "b": "yes", "c": True, "d": 1e-3, "e": -2.5, "f": 3}
    assert data == {**expected, "g": float("inf")}


def test_name_defaults_to_the_file(tmp_path):
    path = tmp_path / "My Task.yaml"
    path.write_text("robot: x\n")
    assert load_task_file(path).data["name"] == "my_task"


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("a: [1, 2\nb: 3\n", ":2:", "not valid YAML"),
        ("a: 1\nb: 2\na: 3\n", ":3:a", "written twice"),
        ("- 1\n- 2\n", ":1", "mapping"),
        ("", ":1", "mapping"),
        ("a: &x [*x]\n", "a.0", "contains itself"),
    ],
)
def test_broken_files_name_the_place(tmp_path, text, where, what):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(SpecError) as caught:
        load_yaml_file(path)
    assert where in caught.value.where
    assert what in caught.value.what


def test_missing_and_binary_files(tmp_path):
    with pytest.raises(SpecError, match="No such file"):
        load_yaml_file(tmp_path / "none.yaml")
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SpecError, match="not a text file"):
        load_yaml_file(tmp_path / "b.yaml")


def test_alias_bomb_is_refused(tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for i in range(1, 8):
        lines.append(f"a{i}: &a{i} [" + ", ".join([f"*a{i - 1}"] * 10) + "]")
    path = tmp_path / "bomb.yaml"
    path.write_text("\n".join(lines))
    with pytest.raises(SpecError, match="too large"):
        load_yaml_file(path)


def test_set_values_types_and_lists():
    data = {"randomize": {"mass_scale": (0.9, 1.1)}, "cases": ({"weight": 1},)}
    changed, places = apply_set(
        data, ["randomize.mass_scale=[0.5, 2]", "cases.0.weight=3", "new.key=text"]
    )
    assert changed["randomize"]["mass_scale"] == [0.5, 2]
    assert changed["cases"] == [{"weight": 3}]
    assert changed["new"] == {"key": "text"}
    assert places["cases.0.weight"] == "--set cases.0.weight=3"
    assert data["cases"] == ({"weight": 1},), "the input is left alone"


@pytest.mark.parametrize(
    "text", ["novalue", "=3", "a..b=3", "a.b.c=1", "cases.7.weight=1", "x=[1,"]
)
def test_bad_set(text):
    with pytest.raises(SpecError) as caught:
        apply_set({"a": 5, "cases": [1]}, [text])
    assert f"--set {text}" in caught.value.where


def test_merge_does_not_share():
    base = {"a": {"b": 1}, "c": [1]}
    merged = merge(base, {"a": {"d": 2}})
    assert merged == {"a": {"b": 1, "d": 2}, "c": [1]}
    merged["a"]["b"] = 5
    assert base["a"]["b"] == 1


def test_task_file_binds(task_file):
    _, task = bound(task_file)
    assert task.spec.task == "mugs"
    assert task.spec.robot == "franka_panda"


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("randomise: {}", "randomise"),
        ("fps: 7", "fps"),
        ("layout: {gap_m: -1}", "layout.gap_m"),
        ("distractors: {count: [3, 1]}", "distractors"),
        ("distractors: {query: {nonsense: 1}}", "distractors.query"),
    ],
)
def test_invalid_keys_are_reported_with_their_line(tmp_path, line, key):
    path = tmp_path / "bad.yaml"
    path.write_text(TASK + line + "\n")
    with pytest.raises(SpecError) as caught:
        bound(path)
    if key != "fps":
        assert f"bad.yaml:12:{key}" in caught.value.where
    assert "bad.yaml" in caught.value.where


def test_misspelt_key_has_a_hint(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(TASK + "randomise: {}\n")
    with pytest.raises(SpecError, match="did you mean 'randomize'"):
        bound(path)


def test_error_from_set_names_the_set(task_file):
    with pytest.raises(SpecError) as caught:
        bound(task_file, "randomize.mass_scale=heavy")
    assert caught.value.where == "--set randomize.mass_scale=heavy"


def test_contradictory_goal_is_refused(tmp_path):
    text = TASK.replace(
        "goal:\n  - {relation: on, subject: a, object: b}",
        "goal:\n  - {relation: left, subject: a, object: b}\n"
        "  - {relation: right, subject: a, object: b}",
    )
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(SpecError) as caught:
        bound(path)
    assert "bad.yaml:6" in caught.value.where


def test_unknown_generator_and_robot(tmp_path, task_file):
    path = tmp_path / "bad.yaml"
    path.write_text(TASK + "generator: pick_plase\n")
    with pytest.raises(UnknownNameError, match="did you mean 'pick_place'"):
        bound(path)
    with pytest.raises(UnknownNameError, match="did you mean 'franka_panda'"):
        bound(task_file, robot="franka_pands")


def test_precedence(tmp_path, task_file):
    config = tmp_path / "run.yaml"
    config.write_text(f"task: {task_file}\nn: 5\nseed: 1\nworkers: 1\nrobot: primitive_arm\n"
                      "set:\n  fps: 10\n  randomize: {base_xy_m: 0.01}\n")  # fmt: skip
    environ = {"DATAFACTORY_SEED": "2", "DATAFACTORY_WORKERS": "2"}
    settings, task = bound(None, "fps=25", config=config, environ=environ, workers=3)
    rows = explain(settings, task)
    assert (rows["n"].value, rows["n"].source) == (5, f"{config}:2")
    assert (rows["seed"].value, rows["seed"].source) == (2, "DATAFACTORY_SEED")
    assert (rows["workers"].value, rows["workers"].source) == (3, "--workers")
    assert (rows["min_yield"].value, rows["min_yield"].source) == (0.01, "default")
    assert (rows["task.robot"].value, rows["task.robot"].source) == ("primitive_arm", f"{config}:5")
    assert (rows["task.fps"].value, rows["task.fps"].source) == (25, "--set fps=25")
    assert rows["task.randomize.base_xy_m"].source == f"{config}:8"
    assert rows["task.randomize.mass_scale"].source == f"{task_file}:11"
    assert rows["task.layout.gap_m"].source == "default"


def test_whole_task_inside_a_config_file(tmp_path):
    config = tmp_path / "run.yaml"
    indented = "".join(f"  {line}\n" for line in TASK.splitlines())
    config.write_text("n: 3\ntask:\n" + indented)
    _, task = bound(None, config=config)
    assert task.spec.task == "mugs"
    config.write_text("n: 3\ntask:\n" + indented + "  randomise: {}\n")
    with pytest.raises(SpecError) as caught:
        bound(None, config=config)
    assert caught.value.where == f"{config}:14:randomise"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("n: many", "'n' must be a whole number"),
        ("n: 0", "at least 1"),
        ("m: 3", "unknown setting 'm'"),
        ("seed: -1", "at least 0"),
        ("min_yield: 2", "between 0 and 1"),
        ("workers: true", "must be a whole number"),
        ("set: 3", "must hold keys"),
    ],
)
def test_bad_config_values(tmp_path, text, message):
    config = tmp_path / "run.yaml"
    config.write_text(text + "\n")
    with pytest.raises(SpecError) as caught:
        resolve_run({}, config=config, environ={})
    assert message in caught.value.what
    assert "run.yaml:1" in caught.value.where


def test_environment_types_are_checked():
    with pytest.raises(SpecError) as caught:
        resolve_run({}, environ={"DATAFACTORY_N": "lots"})
    assert caught.value.where == "DATAFACTORY_N"
    assert unknown_variables({"DATAFACTORY_WROKERS": "2", "DATAFACTORY_OFFLINE": "1"}) == [
        "DATAFACTORY_WROKERS"
    ]
