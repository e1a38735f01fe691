"""The public conformance suites over every registered plugin."""

from __future__ import annotations

import pytest

from datafactory.errors import PackMissingError
from datafactory.plugin import load, load_generator, registered
from datafactory.robots import load_robot
from datafactory.robots.model import RobotModel
from datafactory.testing.generators import check_generator, check_specs
from datafactory.testing.json_schema import violations
from datafactory.testing.robots import check_robot
from datafactory_assets.conformance import check_source

GENERATORS = sorted(registered("generator"))
ROBOTS = sorted(registered("robot"))
SOURCES = sorted(registered("asset source"))


def robot_or_skip(name: str) -> RobotModel:
    try:
        return load_robot(name)
    except PackMissingError as error:
        pytest.skip(str(error))


def test_something_is_registered() -> None:
    assert "pick_place" in GENERATORS
    assert {"franka_panda", "primitive_arm"} <= set(ROBOTS)
    assert "tier0" in SOURCES


@pytest.mark.parametrize("robot", ROBOTS)
@pytest.mark.parametrize("name", GENERATORS)
def test_generator(name: str, robot: str) -> None:
    robot_or_skip(robot)
    own_process = robot == ROBOTS[0]
    report = check_generator(
        load_generator(name), robot=robot, attempts=3, fresh_process=own_process
    )
    assert report.robot == robot
    assert report.replayed >= report.accepted >= 1
    assert report.solved >= 1


@pytest.mark.parametrize("name", ROBOTS)
def test_robot(name: str) -> None:
    robot_or_skip(name)
    factory = load("robot", name)
    report = check_robot(factory(), factory)
    assert report.slip_m < 3e-3


@pytest.mark.parametrize("name", SOURCES)
def test_asset_source(name: str) -> None:
    check_source(load("asset source", name)(), range(2), physics=False)


@pytest.mark.parametrize("name", GENERATORS)
def test_schema_refuses_what_the_generator_refuses(name: str) -> None:
    generator = load_generator(name)
    assert check_specs(generator)
    data = dict(generator.tasks()[0].spec)
    schema = generator.schema()
    assert not violations(data, schema)
    assert violations({**data, "no_such_key": 1}, schema)
    assert violations({}, schema)


SCHEMA = {
    "type": "object",
    "required": ["n"],
    "additionalProperties": False,
    "properties": {
        "n": {"type": "integer", "minimum": 1, "maximum": 5},
        "pair": {"type": "array", "prefixItems": [{"type": "string"}, {"$ref": "#/$defs/x"}],
                 "minItems": 2, "maxItems": 2},
        "either": {"anyOf": [{"type": "null"}, {"enum": ["a", "b"]}]},
        "word": {"type": "string", "pattern": "^[a-z]+$", "minLength": 2},
        "many": {"type": "array", "items": {"type": "number", "exclusiveMinimum": 0}},
    },
    "$defs": {"x": {"type": "boolean"}},
}  # fmt: skip


@pytest.mark.parametrize(
    "data",
    [
        {"n": 1},
        {"n": 5, "pair": ["a", True], "either": None, "word": "ab", "many": [0.5, 2]},
        {"n": 2, "either": "b", "many": []},
    ],
)
def test_schema_validator_accepts(data: dict[str, object]) -> None:
    assert violations(data, SCHEMA) == []


@pytest.mark.parametrize(
    "data",
    [
        {},
        [],
        {"n": 0},
        {"n": 6},
        {"n": True},
        {"n": 1.5},
        {"n": 1, "m": 2},
        {"n": 1, "pair": ["a"]},
        {"n": 1, "pair": ["a", 1]},
        {"n": 1, "pair": ["a", True, 3]},
        {"n": 1, "either": "c"},
        {"n": 1, "word": "AB"},
        {"n": 1, "word": "a"},
        {"n": 1, "many": [0]},
    ],
)
def test_schema_validator_refuses(data: object) -> None:
    assert len(violations(data, SCHEMA)) == 1


def test_schema_validator_knows_its_limits() -> None:
    with pytest.raises(ValueError, match="unevaluatedItems"):
        violations({}, {"unevaluatedItems": False})
