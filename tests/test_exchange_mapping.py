from __future__ import annotations

import numpy as np
import pytest

from datafactory.errors import SpecError, UnknownNameError
from datafactory.exchange.actions import encode
from datafactory.exchange.mapped import Reader
from datafactory.exchange.mapping import (
    Source,
    load_mapping,
    parse_mapping,
    shipped_mappings,
)
from tests.exchange_fixture import accepted

NAMES = {"a": ["j1", "j2", "gripper"], "b": ["0"]}


@pytest.mark.parametrize("name", shipped_mappings())
def test_shipped_mappings_are_valid(name):
    mapping = parse_mapping(load_mapping(name), name)
    assert mapping.name == name
    assert mapping.description


def test_tools_belong_to_the_robot_or_to_its_arms():
    one = {"name": "left", "joints": 6}
    two = [one, {"name": "right", "joints": 6}]
    gripper = {"key": "a"}
    assert len(parse_mapping({"arms": two}).tools) == 2
    assert len(parse_mapping({"gripper_opening": gripper}).tools) == 1
    for wrong in ({"arms": [one]}, {"arms": [one, one]}, {"arms": two, "action_gripper": gripper}):
        with pytest.raises(SpecError, match="invalid") as caught:
            parse_mapping(wrong)
        assert "arms" in caught.value.why


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"key": "a"}, [0, 1, 2]),
        ({"key": "a", "columns": [0, 2]}, [0, 1]),
        ({"key": "a", "columns": [-1, None]}, [2]),
        ({"key": "a", "names": "^j"}, [0, 1]),
        ({"key": "a", "but": "grip"}, [0, 1]),
        ({"key": "b", "names": "gripper"}, None),
        ({"key": "c"}, None),
    ],
)
def test_components_are_chosen(options, expected):
    assert Source(**options).chosen(NAMES) == expected


def test_wrong_mappings_are_refused():
    with pytest.raises(SpecError, match="invalid") as caught:
        parse_mapping({"joint_positions": {"key": "a", "unit": "turns"}}, "m.yaml")
    assert "joint_positions.unit" in caught.value.where
    with pytest.raises(SpecError, match="invalid"):
        parse_mapping({"joints": {"key": "a"}})
    with pytest.raises(UnknownNameError, match="interndata_a1") as caught:
        load_mapping("interndata_a")
    assert "interndata_a1" in str(caught.value)


POSE = {"position": {"key": "p", "columns": [0, 3]}, "rotation": {"key": "p", "columns": [3, 7]}}


@pytest.mark.parametrize(
    ("entry", "value", "message"),
    [
        ("joint_positions", {"key": "a", "names": "("}, "regular expression"),
        ("joint_positions", {"key": "a", "but": "("}, "regular expression"),
        ("joint_positions", {"key": "a", "scale": float("nan")}, "finite"),
        ("gripper_opening", {"key": "a", "closed": 1, "open": 1}, "closed and open"),
        ("joint_positions", {"key": "p", "columns": [0, 8]}, "it has 7"),
        ("joint_positions", {"key": "p", "columns": [-8, None]}, "it has 7"),
        ("eef_pose", {**POSE, "position": {"key": "p"}}, "gives 7"),
        ("eef_pose", {**POSE, "rotation": {"key": "p"}}, "gives 7"),
        (
            "action_eef",
            {**POSE, "rotation": {"key": "p", "columns": [3, 7], "form": "euler_xyz"}},
            "gives 4",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(entry, value, message):
    given = {"joint_positions": {"key": "q"}, entry: value}
    with pytest.raises(SpecError, match=message):
        Reader(parse_mapping(given), {"p": list("0123456"), "q": ["0"]})


def test_a_file_is_read(tmp_path):
    path = tmp_path / "m.yaml"
    path.write_text("name: mine\njoint_positions: {key: a, columns: [0, 2]}\n")
    assert parse_mapping(load_mapping(str(path))).joint_positions.columns == (0, 2)


@pytest.mark.parametrize("form", ["relative", "delta"])
@pytest.mark.parametrize("frame", ["world", "base"])
def test_pose_actions_become_absolute(form, frame):
    from datafactory.exchange.actions import from_frame

    t = accepted()[0].trajectory
    base = np.array([0.2, -0.1, 0.7, np.cos(0.3), 0, 0, np.sin(0.3)])
    state, target = t.eef_pose, t.action_eef  # taken as poses in the frame
    step = encode(form, "eef", target, state)
    columns = {"pose": state, "step": step * [20, 20, 20, 2, 2, 2]}
    entry = {"position": {"key": "pose", "columns": [0, 3], "unit": "m"}, "frame": frame}
    action = {"position": {"key": "step", "columns": [0, 3], "unit": "m", "scale": 0.05}}
    turn = {"key": "step", "columns": [3, 6], "form": "rotvec", "scale": 0.5}
    mapping = parse_mapping(
        {
            "eef_pose": {**entry, "rotation": {"key": "pose", "columns": [3, 7]}},
            "action_eef": {**action, "rotation": turn, "frame": frame, "form": form},
        }
    )
    known = {name: [str(k) for k in range(v.shape[1])] for name, v in columns.items()}
    reader = Reader(mapping, known)
    measured = reader.pose(mapping.eef_pose, base, columns.__getitem__)
    found = reader.pose_targets(mapping.action_eef, measured, base, columns.__getitem__)
    expected = from_frame(base, target) if frame == "base" else target
    sign = np.sign(np.sum(found[:, 3:] * expected[:, 3:], axis=1, keepdims=True))
    assert np.allclose(found[:, :3], expected[:, :3], atol=1e-5)
    assert np.allclose(found[:, 3:], sign * expected[:, 3:], atol=1e-5)
