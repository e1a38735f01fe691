from __future__ import annotations

import importlib
from dataclasses import replace

import mujoco
import numpy as np
import pytest

from datafactory.errors import UnknownNameError
from datafactory.sim.assembly import OBJECT_PREFIX
from datafactory.store.encode import content_hash
from datafactory.validate_stages import BUILT_IN, Examiner, Stage
from tests.fake_attempts import Fake, FakeSpec
from tests.golden.make import attempt
from tests.store_fixture import make, rows, run_row
from tests.test_verify import episode, store

validate_module = importlib.import_module("datafactory.validate")
validate = validate_module.validate
CHEAP = [s.name for s in BUILT_IN if not s.costly and not s.advisory]


def findings(path, stage, **options):
    report = validate(str(path), names=[stage], **options)
    assert not report.passed
    (found,) = report.stages
    return [f.what for f in found.findings]


def altered(tmp_path, **columns):
    """A dataset whose second episode has other column values, hashed as if they were true."""
    committer = make(tmp_path / "d", count=0)
    accepted, rejected, assets = rows(FakeSpec(), range(9))
    accepted[1] |= columns
    if "content_hash" not in columns:
        accepted[1]["content_hash"] = content_hash(accepted[1])
    committer.add_assets(assets)
    committer.append("episodes", committer.writer.write("episodes", accepted), {})
    committer.append("attempts", committer.writer.write("attempts", rejected), {})
    return tmp_path / "d"


def test_a_sound_dataset_passes_every_stage(tmp_path):
    make(tmp_path / "d")
    report = validate(str(tmp_path / "d"), names=CHEAP)
    assert report.passed, [s for s in report.stages if not s.passed]
    assert [s.name for s in report.stages] == CHEAP
    assert all(s.checked == report.episodes for s in report.stages)


def test_real_physics_stays_in_its_limits(tmp_path):
    path = store(tmp_path / "d", [episode(0), episode(1)])
    assert validate(path, names=["limits"]).passed
    sampled = validate(path, names=["limits", "finite"], sample=1)
    assert [s.checked for s in sampled.stages] == [1, 2]


def test_controls_outside_their_range(tmp_path):
    bad = episode(0)
    ctrl = bad.trajectory.ctrl + np.float32(3.0)
    path = store(tmp_path / "d", [replace(bad, trajectory=replace(bad.trajectory, ctrl=ctrl))])
    assert "leave their range" in findings(path, "limits")[0]


def test_changed_bytes(tmp_path):
    path = altered(tmp_path, content_hash="0" * 32)
    assert "recorded as 000" in findings(path, "content")[0]


def test_non_finite_values(tmp_path):
    qpos = rows(FakeSpec(), range(9))[0][1]["qpos"].copy()
    qpos[3, 0] = np.nan
    assert findings(altered(tmp_path, qpos=qpos), "finite") == ["qpos has 1 non-finite values"]


def test_jumps_and_quaternions(tmp_path):
    row = rows(FakeSpec(), range(9))[0][1]
    poses = row["object_poses"].copy()
    poses[:4, 0, :3] += 2.0
    poses[2, 1, 3:] *= 1.1
    found = findings(altered(tmp_path, object_poses=poses), "continuity")
    assert "an object jumps at frame 3" in found[0]
    assert "quaternions of objects" in found[1]


def test_wrong_lengths_and_spans(tmp_path):
    phase = {"name": "reach", "start": 4, "stop": 99, "subgoal": 0}
    found = findings(altered(tmp_path, length=11, phases=[phase]), "schema")
    assert any("length is 11" in f for f in found)
    assert any("reach spans frames 4 to 99" in f for f in found)


def test_failed_checks_in_accepted_episodes(tmp_path):
    check = {"stage": "goal", "check": "on", "passed": False, "value": 0.3, "limit": 0.1}
    path = altered(tmp_path, success_at_end=False, verdict=[{**check, "unit": "m"}])
    assert len(findings(path, "verdict")) == 2


def test_wrong_ids_and_unknown_runs(tmp_path):
    path = altered(tmp_path, episode_id="f" * 32, run_id="nobody")
    found = findings(path, "lineage")
    assert any("its id should be" in f for f in found)
    assert any("is not recorded" in f for f in found)


def test_labels_follow_from_the_stored_end_state(tmp_path):
    """An accepted episode passes; one whose end state was edited does not."""
    good = replace(attempt("put_in_container", "primitive_arm", 2), extra=episode(0).extra)
    assert validate(store(tmp_path / "good", [good]), names=["labels"]).passed
    states = good.replay.states.copy()
    model = mujoco.MjModel.from_xml_string(
        good.replay.mjcf, assets={a.asset_id + ".obj": a.geometry for a in good.assets}
    )
    mover = "a"
    at = 1 + int(model.joint(OBJECT_PREFIX + mover).qposadr[0])
    states[-1, at] += 0.2
    path = store(tmp_path / "bad", [replace(good, replay=replace(good.replay, states=states))])
    found = findings(path, "labels")
    assert any("is not true of the stored end state" in f for f in found)
    assert any(f"{mover} ends 0.2 away from its stored final pose" in f for f in found)


def test_models_that_labels_cannot_be_derived_from_are_findings(tmp_path):
    (other,) = findings(store(tmp_path / "d", [episode(0)]), "labels")
    assert "cannot be re-derived" in other
    source = episode(0).replay
    broken = replace(episode(0), replay=replace(source, mjcf="<mujoco><oops/></mujoco>"))
    (found,) = findings(store(tmp_path / "x", [broken]), "labels")
    assert "cannot be re-derived: the stored model cannot be measured" in found


def test_seeds_that_differ_from_the_run(tmp_path):
    committer = make(tmp_path / "d")
    committer.write_run(run_row(FakeSpec(), run_seed=8))
    assert "differs from its run" in findings(tmp_path / "d", "lineage")[0]


def test_rows_stored_twice_and_motions_made_twice(tmp_path):
    committer = make(tmp_path / "d", count=5)
    accepted, _, _ = rows(FakeSpec(), range(5))
    committer.append("episodes", committer.writer.write("episodes", accepted[:1]), {})
    assert any("has a row in" in f for f in findings(tmp_path / "d", "duplicates"))
    first = accepted[0]
    copied = altered(tmp_path / "x", qpos=first["qpos"], ctrl=first["ctrl"])
    assert any("same motion" in f for f in findings(copied, "duplicates"))


def test_licences(tmp_path):
    make(tmp_path / "d")
    path = tmp_path / "d"
    assert "not allowed" in findings(path, "licences", allow_licences=["CC0-1.0"])[0]
    assert "is not recorded" in findings(altered(tmp_path / "x", asset_ids=["gone"]), "licences")[0]


def test_outliers_are_advice_unless_strict(tmp_path):
    metrics = [{"name": "duration", "value": 0.6}, {"name": "margin", "value": 1e6}]
    path = altered(tmp_path, metrics=metrics)
    report = validate(str(path), names=["statistics"])
    assert report.passed
    assert report.stages[0].count == 1
    assert "margin is 1e+06" in findings(path, "statistics", strict=True)[0]


def test_stages_can_be_added(tmp_path, monkeypatch):
    monkeypatch.setattr(validate_module, "_stages", dict(validate_module._stages))
    seen = []
    stage = Stage(
        "mine",
        "labels follow from states",
        lambda dataset, allow: Examiner(lambda case: seen.append(case.episode.attempt) or ["no"]),
    )
    validate_module.register(stage)
    make(tmp_path / "d", count=5)
    assert validate_module.stages()[-1] is stage
    assert findings(tmp_path / "d", "mine")[0] == "no"
    assert seen == [i for i in range(5) if Fake().open(FakeSpec(), 7).attempt(i).verdict.accepted]


def test_unknown_stages_are_named(tmp_path):
    make(tmp_path / "d", count=1)
    with pytest.raises(UnknownNameError, match="did you mean 'licences'"):
        validate(str(tmp_path / "d"), names=["licence"])


def test_an_empty_dataset_is_sound(tmp_path):
    make(tmp_path / "d", count=0)
    assert validate(str(tmp_path / "d"), names=CHEAP).passed
