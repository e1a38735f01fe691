"""Datasets made without the executor: rows of fake attempts, committed as it would."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from datafactory.store.commit import Committer, create_tables
from datafactory.store.encode import Lineage, asset_row, attempt_row, episode_row, run_id
from datafactory.store.location import Location
from tests.fake_attempts import REFERENCE, Fake, FakeSpec

SEED = 7


def lineage(spec: FakeSpec) -> Lineage:
    run = run_id("fake", "1", spec.spec_hash, SEED)
    return Lineage(run, "fake", "1", spec.spec_hash, SEED, "mujoco 0", "none")


def run_row(spec: FakeSpec, **changes) -> dict:
    now = datetime.now(UTC)
    row = dict.fromkeys(("command", "robot"), "")
    row |= {"call_id": "call-0", "run_id": lineage(spec).run_id, "generator": "fake"}
    row |= {"generator_version": "1", "spec_hash": spec.spec_hash, "spec_json": "{}"}
    row |= {"run_seed": SEED, "task": "fake", "options_json": f'{{"generator": "{REFERENCE}"}}'}
    row |= {"versions_json": "{}", "machine_json": "{}", "engine": "mujoco 0", "cpu": "none"}
    row |= {"status": "complete", "reasons_json": "{}", "planned": 1, "accepted": 0}
    row |= {"rejected": 0, "started_at": now, "updated_at": now, "ended_at": now}
    return {**row, **changes}


def rows(spec: FakeSpec, indices: range) -> tuple[list[dict], list[dict], list[dict]]:
    """Rows of (episodes, attempts, assets)."""
    maker = Fake().open(spec, SEED)
    made = [maker.attempt(i) for i in indices]
    extra = Fake().extra_columns()
    accepted = [episode_row(e, lineage(spec), extra) for e in made if e.verdict.accepted]
    rejected = [attempt_row(e, lineage(spec)) for e in made if not e.verdict.accepted]
    assets = {a.asset_id: asset_row(a) for e in made for a in e.assets}
    return accepted, rejected, list(assets.values())


def make(path: Path, spec: FakeSpec | None = None, count: int = 20, shard: int = 5) -> Committer:
    """A dataset of ``count`` attempts in fragments of ``shard``."""
    spec = spec or FakeSpec()
    location = Location.of(path)
    create_tables(location, Fake().extra_columns())
    committer = Committer(location)
    committer.write_run(run_row(spec))
    for start in range(0, count, shard):
        accepted, rejected, assets = rows(spec, range(start, min(start + shard, count)))
        committer.add_assets(assets)
        committer.append("episodes", committer.writer.write("episodes", accepted), {})
        committer.append("attempts", committer.writer.write("attempts", rejected), {})
    return committer
