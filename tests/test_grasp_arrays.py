"""N x 17 arrays of grasps: round trips, refusals, and their use by the planner."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datafactory.errors import AssetError
from datafactory.geometry import Pose
from datafactory.grasps.arrays import (
    COLUMNS,
    GraspSet,
    from_array,
    read_file,
    store_rows,
    to_array,
    write_file,
)
from datafactory.grasps.ranking import grasp_set, rank_grasps
from datafactory.robots.primitive_arm import primitive_arm
from datafactory_assets.families import Tier0

ARM = primitive_arm().arms[0]
BLOCK = Tier0().make("block", 3)


def drawn(seed: int, count: int) -> GraspSet:
    rng = np.random.Generator(np.random.PCG64(seed))
    rotation, upper = np.linalg.qr(rng.standard_normal((count, 3, 3)))
    rotation *= np.sign(np.linalg.det(rotation))[:, None, None]
    del upper
    return GraspSet(rotation, rng.uniform(-0.1, 0.1, (count, 3)), rng.uniform(0.01, 0.08, count),
                    rng.uniform(0.0, 1.0, count))  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 20), st.floats(0.0, 0.05))
def test_round_trip(seed: int, count: int, depth_m: float) -> None:
    grasps = drawn(seed, count)
    rows = to_array(grasps, depth_m=depth_m, object_id=7)
    assert rows.shape == (count, COLUMNS)
    back = from_array(rows)
    assert np.allclose(back.rotation, grasps.rotation, atol=1e-12)
    assert np.allclose(back.position, grasps.position, atol=1e-12)
    assert np.array_equal(back.width, grasps.width)
    assert np.array_equal(back.score, grasps.score)
    assert np.allclose(to_array(back, depth_m=depth_m, object_id=7), rows, atol=1e-12)


def test_frame() -> None:
    down = np.array([[[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]]])  # tcp z looks down
    one = GraspSet(down, np.array([[0.0, 0.0, 0.05]]), np.array([0.04]), np.array([1.0]))
    (row,) = to_array(one, depth_m=0.03)
    rotation = row[4:13].reshape(3, 3)
    assert rotation[:, 0] == pytest.approx((0.0, 0.0, -1.0))  # approach
    assert rotation[:, 1] == pytest.approx((0.0, -1.0, 0.0))  # closing
    assert np.linalg.det(rotation) == pytest.approx(1.0)
    assert row[13:16] == pytest.approx((0.0, 0.0, 0.08))


@pytest.mark.parametrize("column", [1, 4, 5, 13])
def test_rows_that_are_no_grasps(column: int) -> None:
    rows = to_array(drawn(1, 5))
    rows[3, column] = {1: 0.0, 13: np.nan}.get(column, 3.0)
    with pytest.raises(AssetError, match="row 3"):
        from_array(rows)
    with pytest.raises(AssetError, match="shape"):
        from_array(rows[:, :16])


def test_another_object_or_scale_is_refused(tmp_path: Path) -> None:
    found = grasp_set(BLOCK, ARM)
    assert found is not None
    rows = to_array(found)
    with pytest.raises(AssetError, match="another object"):
        store_rows(BLOCK, rows, "0" * 64, tmp_path)
    for factor in (1000.0, 0.001):
        scaled = rows.copy()
        scaled[:, [1, 2, 3, 13, 14, 15]] *= factor
        with pytest.raises(AssetError, match="do not fit"):
            store_rows(BLOCK, scaled, BLOCK.content_hash, tmp_path)
    assert len(store_rows(BLOCK, rows, BLOCK.content_hash, tmp_path)) == 64


def test_files(tmp_path: Path) -> None:
    rows = to_array(drawn(2, 4))
    write_file(tmp_path / "g.npy", BLOCK, rows)
    again, content_hash = read_file(tmp_path / "g.npy")
    assert np.array_equal(again, rows)
    assert content_hash == BLOCK.content_hash
    (tmp_path / "g.json").unlink()
    with pytest.raises(AssetError, match="--export writes both"):
        read_file(tmp_path / "g.npy")


def test_the_planner_uses_imported_grasps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAFACTORY_ASSET_STORE", str(tmp_path))
    found = grasp_set(BLOCK, ARM)
    assert found is not None
    assert len(found.score) > 3
    rows = to_array(found)[2:3]
    asset = replace(BLOCK, grasps=store_rows(BLOCK, rows, BLOCK.content_hash))
    height = BLOCK.stable_poses[0].height
    pose = Pose.of((0.4, 0.0, 0.3 + height), BLOCK.stable_poses[0].quat)
    rng = np.random.Generator(np.random.PCG64(0))
    free = np.zeros((0, 3))
    ranked = rank_grasps(asset, pose, ARM, 0.3, free, rng)
    assert ranked
    for grasp in ranked:
        assert grasp.width == pytest.approx(rows[0, 1])
        assert grasp.object_from_tcp.position == pytest.approx(rows[0, 13:16], abs=1e-6)
    assert len(rank_grasps(BLOCK, pose, ARM, 0.3, free, rng)) > 1
