"""``datafactory flag``, and that exports honour it."""

from __future__ import annotations

import json

import pytest

from datafactory.exchange.run import export_dataset
from datafactory.store.dataset import open_dataset
from datafactory_cli.main import run
from tests import viewer_fixture


@pytest.fixture
def path(tmp_path):
    return viewer_fixture.make(tmp_path / "set", rendered=False)


def ids(path, table="episodes", key="episode_id"):
    return getattr(open_dataset(path), table)(columns=[key]).column(0).to_pylist()


def test_flags_are_kept_listed_and_taken_back(path, capsys):
    first, second, _ = ids(path)
    refused = ids(path, "attempts", "attempt_id")[0]
    assert run(["flag", str(path)]) == 0
    assert "nothing was said" in capsys.readouterr().out
    assert (
        run(["flag", str(path), first[:10], refused[:10], "--tag", "odd", "--comment", "hm"]) == 0
    )
    assert run(["flag", str(path), second, "--exclude", "--reason", "clipped"]) == 0
    assert run(["flag", str(path), second, "--audit", "wrong"]) == 0
    capsys.readouterr()
    assert run(["flag", str(path), "--json"]) == 0
    said = {x["episode"]: x for x in json.loads(capsys.readouterr().out)["labels"]}
    assert said[first]["tags"] == said[refused]["tags"] == ["odd"]
    assert said[second]["excluded"]
    assert said[second]["reason"] == "clipped"
    assert run(["flag", str(path), second, "--exclude", "--withdraw"]) == 0
    capsys.readouterr()
    run(["flag", str(path), second, "--json"])
    (only,) = json.loads(capsys.readouterr().out)["labels"]
    assert not only["excluded"]
    assert only["audit"] == "wrong"


def test_exports_leave_out_what_is_excluded(path, tmp_path, capsys):
    every = ids(path)
    assert run(["flag", str(path), every[1], "--exclude"]) == 0
    summary = export_dataset(path, tmp_path / "out", "robomimic" if _has_h5py() else "usd")
    assert summary.episodes == 2
    assert run(["flag", str(path), "--where", "length > 0", "--exclude"]) == 0
    capsys.readouterr()
    out = str(tmp_path / "none")
    assert run(["export", str(path), out, "--format", "lerobot-v3"]) == 2
    assert "nothing to export" in capsys.readouterr().err


def _has_h5py() -> bool:
    try:
        import h5py  # noqa: F401
    except ImportError:
        return False
    return True


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--tag", "x"], "which episodes"),
        (["zzz", "--tag", "x"], "no episode or attempt begins with 'zzz'"),
        (["", "--tag", "x"], "several episodes begin"),
        (["--where", "length > 1"], "nothing is said"),
        (["--where", "length < 0", "--tag", "x"], "no episode fits"),
        (["a", "--where", "length > 1", "--tag", "x"], "either episodes or --where"),
        (["--where", "length > 1", "--audit", "maybe"], "unknown audit 'maybe'"),
    ],
)
def test_misuse(path, words, message, capsys):
    assert run(["flag", str(path), *words]) == 2
    assert message in capsys.readouterr().err
    assert "labels" not in open_dataset(path).tables
