"""Relations: what is sampled holds after settling, and what only looks alike does not."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datafactory.errors import SpecError, UnknownNameError
from datafactory.geometry import Pose
from datafactory.scene import Contact, WorldState
from datafactory.scene_graph.describe import describe_graph
from datafactory.scene_graph.graph import Relation
from datafactory.scene_graph.relations import check_relation, sample_poses
from datafactory.seeding import stream
from tests.physics_fixture import BASE, TABLE, asset, raised, settle, standing, still

CASES = [
    ("on", "mug", "plate"),
    ("on", "block", "book"),
    ("on", "apple", "tray"),
    ("on", "plate", "block"),
    ("on", "book", "bowl"),
    ("in", "lemon", "bowl"),
    ("in", "block", "open_box"),
    ("in", "can", "basket"),
    ("stacked", "block", "soap"),
    ("stacked", "bowl", "bowl"),
    ("left", "mug", "can"),
    ("right", "can", "plate"),
    ("front", "apple", "book"),
    ("behind", "pot", "mug"),
    ("back", "mug", "can"),
    ("near", "block", "mug"),
    ("between", "mug", "can"),
    ("above", "block", "book"), ("above", "lemon", "bowl"), ("touching", "block", "soap"),
]  # fmt: skip


def on_table(name: str, seed: int, **families: str) -> WorldState:
    rng = stream(7, name, seed, "context")
    assets = {k: asset(f, seed % 5) for k, f in families.items()}
    poses = {
        k: standing(assets[k], 0.45, 0.27 * i, float(rng.uniform(-math.pi, math.pi)))
        for i, k in enumerate(assets)
    }
    return settle(poses, assets, 0.1)


@pytest.mark.parametrize(("name", "subject", "reference"), CASES)
@settings(max_examples=4, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), frame=st.sampled_from(["world", "robot", "camera"]))
def test_sampled_poses_hold_after_settling(name, subject, reference, seed, frame):
    families = {"b": reference, "c": "block"} if name == "between" else {"b": reference}
    context = on_table(name + subject, seed, **families)
    relation = Relation(name, "a", tuple(families), frame)
    thing = asset(subject, seed % 7)
    found = sample_poses(relation, thing, context, stream(7, name, seed, "pose"), 3)
    assert found, f"no room found for {relation} with {subject} and {reference}"
    placement = found[0]
    settled = settle(
        {**context.poses, "a": placement.world_from_object}, {**context.assets, "a": thing}
    )
    check = check_relation(relation, settled)
    assert check.holds, check.failed()
    assert placement.support in {"b", "table"}
    if name in {"on", "stacked", "in", "touching", "above"}:
        assert placement.support == "b"
        assert check_relation(Relation("above", "a", ("b",)), settled).holds or name == "in"


@settings(max_examples=4, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000))
def test_several_relations_are_sampled_together(seed):
    context = on_table("joint", seed, b="plate", c="can")
    relations = [Relation("left", "a", ("b",), "robot"), Relation("near", "a", ("b",))]
    found = sample_poses(relations, asset("apple"), context, stream(7, "j", seed, "pose"), 2)
    assert found
    poses = {**context.poses, "a": found[0].world_from_object}
    settled = settle(poses, {**context.assets, "a": asset("apple")}, 0.4)
    assert all(check_relation(r, settled).holds for r in relations)


def test_below_goes_under_what_stands_high():
    shelf, thing = asset("book", 1), asset("marker", 1)
    assets = {"b": shelf}
    state = still(
        settle({"b": standing(shelf, 0.5, 0.0)}, assets, 0.02),
        b=Pose.of([0.5, 0.0, TABLE.height + 0.2]),
    )
    found = sample_poses(Relation("below", "a", ("b",)), thing, state, stream(7, "b", 0, "p"), 4)
    assert len(found) == 4
    for placement in found:
        placed = WorldState(
            state.table,
            {**assets, "a": thing},
            {**state.poses, "a": placement.world_from_object},
            (),
            state.world_from_base,
            state.world_from_camera,
        )
        assert check_relation(Relation("below", "a", ("b",)), placed).holds
        assert check_relation(Relation("above", "b", ("a",)), placed).holds
        assert not check_relation(Relation("above", "a", ("b",)), placed).holds


def test_beside_something_high_is_on_the_same_support():
    box, block = asset("book", 3), asset("soap", 1)
    tower = {"low": asset("book", 2), "b": block}
    stand = raised(standing(box, 0.5, 0.0), tower["low"].extents[2])
    poses = {
        "low": standing(tower["low"], 0.5, 0.0),
        "top": stand,
        "b": raised(standing(block, 0.53, 0.0), tower["low"].extents[2] + box.extents[2]),
    }
    assets = {**tower, "top": box}
    context = settle(poses, assets, 0.2)
    relation = Relation("near", "a", ("b",))
    found = sample_poses(relation, asset("block"), context, stream(7, "high", 0, "pose"), 3)
    assert found
    assert {p.support for p in found} == {"top"}
    poses = {**context.poses, "a": found[0].world_from_object}
    settled = settle(poses, {**assets, "a": asset("block")}, 0.5)
    assert holds("near", settled)
    assert holds("on", settled, "a", "top")


def test_samples_repeat_and_turn_all_ways():
    context = on_table("yaw", 0, b="tray")
    relation = Relation("on", "a", ("b",))
    runs = [
        sample_poses(relation, asset("mug"), context, stream(7, "y", 1, "pose"), 40)
        for _ in range(2)
    ]
    assert len(runs[0]) == 40
    for one, two in zip(*runs, strict=True):
        assert np.array_equal(one.world_from_object.vector(), two.world_from_object.vector())
    quats = [p.world_from_object.quat for p in runs[0]]
    yaws = [2.0 * math.atan2(q[3], q[0]) for q in quats]
    assert len({math.floor(y / (math.pi / 2.0)) % 4 for y in yaws}) == 4


def test_the_stable_pose_is_kept_or_chosen():
    can = asset("can")
    names = [p.name for p in can.stable_poses]
    lying = names.index("lying")
    context = settle(
        {"a": standing(can, 0.3, -0.3, 0.4, lying), "b": standing(asset("tray"), 0.5, 0.1)},
        {"a": can, "b": asset("tray")},
        0.1,
    )
    relation = Relation("on", "a", ("b",))
    kept = sample_poses(relation, can, context, stream(7, "s", 0, "pose"), 2)
    assert [p.stable_pose for p in kept] == [lying, lying]
    chosen = sample_poses(relation, can, context, stream(7, "s", 0, "pose"), 2, stable_pose=0)
    assert [p.stable_pose for p in chosen] == [0, 0]


def test_samples_keep_clear_of_other_objects():
    context = on_table("clear", 3, b="plate", c="can", d="mug")
    for name in ("left", "near", "right", "front"):
        found = sample_poses(
            Relation(name, "a", ("b",)), asset("jar"), context, stream(7, name, 0, "p"), 8, gap=0.02
        )
        for placement in found:
            poses = {**context.poses, "a": placement.world_from_object}
            settled = settle(poses, {**context.assets, "a": asset("jar")}, 0.02)
            assert not check_relation(Relation("touching", "a", ("c",)), settled).holds
            assert not check_relation(Relation("touching", "a", ("d",)), settled).holds


def resting_on_plate() -> WorldState:
    plate, block = asset("plate"), asset("block")
    poses = {"b": standing(plate, 0.5, 0.0), "a": standing(block, 0.5, 0.0)}
    floor = plate.surfaces[0].z
    poses["a"] = raised(poses["a"], floor)
    return settle(poses, {"a": block, "b": plate}, 0.3)


def holds(name: str, state: WorldState, subject: str = "a", reference: str = "b") -> bool:
    return check_relation(Relation(name, subject, (reference,)), state).holds


def test_on_a_plate_is_on_above_touching_and_not_near():
    state = resting_on_plate()
    assert holds("on", state)
    assert holds("above", state)
    assert holds("below", state, "b", "a")
    assert holds("touching", state)
    assert holds("touching", state, "b", "a")
    assert holds("on", state, "b", "table")
    assert not holds("near", state)
    assert not holds("on", state, "a", "table")
    assert not holds("on", state, "b", "a")
    assert not holds("in", state, "b", "a")


def test_floating_over_a_plate_is_above_but_not_on():
    state = resting_on_plate()
    lifted = raised(state.poses["a"], 0.09)
    kept = tuple(c for c in state.contacts if "a" not in (c.a, c.b))
    floating = still(state, kept, a=lifted)
    assert not holds("on", floating)
    assert not holds("stacked", floating)
    assert not holds("touching", floating)
    assert holds("above", floating)


def test_held_by_the_gripper_is_not_on():
    state = resting_on_plate()
    centre = raised(state.poses["a"], 0.02).position
    grip = tuple(
        Contact("a", "robot", centre, np.array([0.0, float(s), 0.0]), 15.0, 0) for s in (-1, 1)
    )
    held = still(state, state.contacts + grip)
    check = check_relation(Relation("on", "a", ("b",)), held)
    assert [m.name for m in check.failed()] == ["grip_max"]
    assert not holds("stacked", held)


def test_leaning_on_the_outside_of_a_bowl_is_neither_on_nor_in():
    bowl, sponge = asset("bowl"), asset("sponge")
    slope = math.radians(66.0)
    foot = 0.5 + 0.5 * bowl.extents[0] + bowl.extents[2] / math.tan(slope) + 0.002
    along = 0.5 * sponge.extents[0]
    position = [foot - along * math.cos(slope), 0.0, TABLE.height + along * math.sin(slope)]
    lean = Pose.of(position, (math.cos(slope / 2), 0.0, math.sin(slope / 2), 0.0))
    state = settle({"b": standing(bowl, 0.5, 0.0), "a": lean}, {"a": sponge, "b": bowl}, 1.0)
    tilt = math.degrees(math.acos(abs(state.poses["a"].rotation()[2, 2])))
    assert 30.0 < tilt < 80.0
    assert holds("touching", state)
    for name in ("on", "in", "stacked", "above"):
        assert not holds(name, state), name
    assert holds("near", state)


def test_lying_in_the_handle_of_a_mug_is_not_in():
    mug, stick = asset("mug"), asset("marker", 1)
    lo, hi = mug.aabb
    axis = 0 if hi[0] - lo[0] > hi[1] - lo[1] else 1
    side = 1.0 if abs(hi[axis]) > abs(lo[axis]) else -1.0
    rim = max(abs(v) for point in mug.cavity.rim_polygon for v in point)
    loop = np.zeros(3)
    loop[axis] = side * 0.5 * (rim + max(abs(hi[axis]), abs(lo[axis])))
    loop[2] = 0.5 * (lo[2] + hi[2])
    state = settle({"b": standing(mug, 0.5, 0.0)}, {"b": mug}, 0.02)
    through = Pose.of(state.poses["b"].position + loop, (0.7071, 0.0, 0.0, 0.7071 * (axis == 0)))
    carried = Contact(
        "a", "b", raised(through, -0.005).position, np.array([0.0, 0.0, -1.0]), 9.81 * stick.mass, 0
    )
    looped = WorldState(
        state.table,
        {"a": stick, "b": mug},
        {**state.poses, "a": through},
        (*state.contacts, carried),
        state.world_from_base,
        state.world_from_camera,
    )
    check = check_relation(Relation("in", "a", ("b",)), looped)
    assert {"com_depth_min", "inside_share_min"} <= {m.name for m in check.failed()}


def test_hovering_inside_a_bowl_is_not_in():
    bowl, lemon = asset("bowl"), asset("lemon")
    poses = {"b": standing(bowl, 0.5, 0.0), "a": standing(lemon, 0.5, 0.0)}
    poses["a"] = raised(poses["a"], 0.012)
    hovering = settle(poses, {"a": lemon, "b": bowl}, 0.0)
    hovering = still(hovering, tuple(c for c in hovering.contacts if "a" not in (c.a, c.b)))
    check = check_relation(Relation("in", "a", ("b",)), hovering)
    assert [m.name for m in check.failed()] == ["support_share_min", "load_min"]
    fallen = settle(poses, {"a": lemon, "b": bowl}, 0.8)
    assert holds("in", fallen)


def test_resting_across_the_rim_is_on_but_not_in():
    bowl, book = asset("bowl"), asset("book")
    across = Pose.of([0.5, 0.0, TABLE.height + bowl.extents[2] + 0.001])
    state = settle({"b": standing(bowl, 0.5, 0.0), "a": across}, {"a": book, "b": bowl}, 0.6)
    assert holds("on", state)
    assert not holds("in", state)


def test_touching_from_the_side_is_not_on():
    carton, block = asset("carton"), asset("block")
    beside = 0.5 * (carton.extents[0] + block.extents[0]) - 0.0008
    poses = {"b": standing(carton, 0.5, 0.0), "a": standing(block, 0.5 + beside, 0.0)}
    state = settle(poses, {"a": block, "b": carton}, 0.004)
    assert holds("touching", state)
    assert not holds("on", state)
    assert not holds("above", state)


def test_a_cup_over_a_block_is_not_on_it():
    basket, block = asset("basket"), asset("can")
    flipped = Pose.of([0.5, 0.0, TABLE.height + 0.002 + block.extents[2]], (0.0, 1.0, 0.0, 0.0))
    flipped = raised(flipped, basket.cavity.floor_z)
    state = settle({"b": standing(block, 0.5, 0.0), "a": flipped}, {"a": basket, "b": block}, 0.1)
    check = check_relation(Relation("on", "a", ("b",)), state)
    assert "below_support_max" in {m.name for m in check.failed()}


def test_on_something_inside_a_container_is_in_the_container():
    box, soap, block = asset("open_box"), asset("soap"), asset("block")
    floor = box.surfaces[0].z
    poses = {"box": standing(box, 0.5, 0.0)}
    poses["soap"] = raised(standing(soap, 0.5, 0.0), floor)
    poses["block"] = raised(poses["soap"], soap.extents[2])
    state = settle(poses, {"box": box, "soap": soap, "block": block}, 0.3)
    assert holds("in", state, "soap", "box")
    assert holds("in", state, "block", "box")
    assert holds("on", state, "block", "soap")
    assert not holds("on", state, "block", "box")


def test_stacked_needs_centring():
    soap, block = asset("soap"), asset("block")
    top = TABLE.height + soap.extents[2]
    for shift, expected in ((0.0, True), (0.45 * soap.extents[0], False)):
        poses = {"b": standing(soap, 0.5, 0.0), "a": Pose.of([0.5 + shift, 0.0, top])}
        state = settle(poses, {"a": block, "b": soap}, 0.1)
        assert holds("on", state)
        assert holds("stacked", state) is expected


def test_directions_depend_on_the_frame():
    can = asset("can")
    poses = {"a": standing(can, 0.5, 0.2), "b": standing(can, 0.5, 0.0)}
    state = settle(poses, {"a": can, "b": can}, 0.02)
    assert holds("left", state)
    assert holds("right", state, "b", "a")
    assert not holds("right", state)
    for frame, name in (("robot", "left"), ("camera", "right")):
        assert check_relation(Relation(name, "a", ("b",), frame), state).holds
    turned = WorldState(
        state.table, state.assets, state.poses, state.contacts,
        Pose.from_yaw([0.0, 0.0, 0.0], math.pi / 2.0), state.world_from_camera,
    )  # fmt: skip
    assert check_relation(Relation("behind", "a", ("b",), "robot"), turned).holds


@settings(max_examples=6, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 1000),
    yaw=st.floats(-3.1, 3.1),
    shift=st.tuples(st.floats(-2, 2), st.floats(-2, 2), st.floats(-1, 1)),
)
def test_robot_frame_ignores_where_the_world_stands(seed, yaw, shift):
    rng = stream(7, "invariance", seed, "context")
    assets = {k: asset(f, seed % 4) for k, f in zip("abc", ("mug", "soap", "bottle"), strict=True)}
    poses = {
        k: standing(assets[k], *rng.uniform([0.3, -0.3], [0.7, 0.3]), rng.uniform(-3, 3))
        for k in assets
    }
    state = settle(poses, assets, 0.02)
    moved_from_world = Pose.from_yaw(shift, yaw)
    moved = WorldState(
        type(TABLE)(TABLE.center, TABLE.half_extents, TABLE.height + shift[2]),
        assets,
        {k: moved_from_world @ p for k, p in state.poses.items()},
        tuple(
            Contact(c.a, c.b, moved_from_world.apply(c.position),
                    moved_from_world.rotation() @ c.normal, c.force, c.distance)
            for c in state.contacts
        ),
        moved_from_world @ BASE,
        moved_from_world @ state.world_from_camera,
    )  # fmt: skip
    before, after = describe_graph(state), describe_graph(moved)
    assert [e for e in before.edges if "table" not in e.objects] == [
        e for e in after.edges if "table" not in e.objects
    ]
    for name in ("left", "behind"):
        for frame in ("robot", "camera"):
            relation = Relation(name, "a", ("b",), frame)
            one, two = check_relation(relation, state), check_relation(relation, moved)
            assert np.allclose(
                [m.value for m in one.measured], [m.value for m in two.measured], atol=1e-6
            )


def test_meaningless_and_unknown_are_refused():
    state = resting_on_plate()
    with pytest.raises(SpecError, match="no meaning for the table"):
        check_relation(Relation("left", "a", ("table",)), state)
    with pytest.raises(SpecError, match="cannot be the subject"):
        check_relation(Relation("on", "table", ("a",)), state)
    with pytest.raises(UnknownNameError, match="unknown object 'z'"):
        check_relation(Relation("near", "a", ("z",)), state)
    two = [Relation("near", "a", ("b",)), Relation("near", "b", ("a",))]
    with pytest.raises(SpecError, match="one subject"):
        sample_poses(two, asset("can"), state, stream(7, "m", 0, "p"), 1)


def test_measures_carry_limits_and_units():
    check = check_relation(Relation("on", "a", ("b",)), resting_on_plate())
    for name, value, limit, unit in check.measured:
        assert name.endswith(("_min", "_max"))
        assert math.isfinite(value) and math.isfinite(limit)  # noqa: PT018
        assert unit in {"", "m", "N", "deg"}
