"""Plugins of another distribution: found, listed, held to the same contract; broken ones named."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from datafactory.errors import PluginError
from datafactory.inventory import plugins, shipped_tasks
from datafactory.plugin import find_task, load, load_generator, registered
from datafactory.robots import load_robot
from datafactory.testing.episodes import digest
from datafactory.testing.generators import check_generator
from datafactory.testing.robots import check_robot
from datafactory_assets.conformance import check_source

PLUGIN = Path(__file__).parent / "third_party" / "tiny_plugin.py"
GOOD = {
    "datafactory.generators": {"tiny": "tiny_plugin:TinyGenerator"},
    "datafactory.robots": {"tiny_arm": "tiny_plugin:tiny_arm"},
    "datafactory.asset_sources": {"tiny": "tiny_plugin:TinySource"},
}
BROKEN = {
    "datafactory.generators": {
        "absent": "no_such_module:Generator",
        "misspelt": "tiny_plugin:NoSuchClass",
        "raises": "tiny_broken:Generator",
        "explodes": "tiny_plugin:Explodes",
    },
    "datafactory.robots": {"absent_arm": "no_such_module:robot"},
    "datafactory.asset_sources": {"absent_source": "no_such_module:Source"},
}


def install(folder: Path, name: str, groups: dict[str, dict[str, str]]) -> None:
    """Writes what a wheel would unpack to: the modules and a dist-info folder."""
    folder.mkdir(exist_ok=True)
    shutil.copy(PLUGIN, folder / "tiny_plugin.py")
    (folder / "tiny_broken.py").write_text("raise RuntimeError('broken on import')\n")
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = []
    for group, points in groups.items():
        lines += [f"[{group}]", *(f"{key} = {value}" for key, value in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path with the tiny plugin installed."""
    folder = tmp_path / "site"
    install(folder, "tiny-plugin", GOOD)
    monkeypatch.syspath_prepend(str(folder))
    importlib.invalidate_caches()
    return folder


@pytest.fixture
def broken_site(site: Path) -> Path:
    """The same folder with a second distribution whose plugins do not load."""
    install(site, "broken-plugin", BROKEN)
    importlib.invalidate_caches()
    return site


def command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    code = "import sys; from datafactory_cli.main import run; sys.exit(run(sys.argv[1:]))"
    environ = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(
        [sys.executable, "-c", code, *words], env=environ, capture_output=True, text=True
    )


def test_discovery_imports_nothing(site: Path) -> None:
    assert site.name == "site"
    sys.modules.pop("tiny_plugin", None)
    assert "tiny" in registered("generator")
    assert "tiny_arm" in registered("robot")
    assert "tiny" in registered("asset source")
    assert "tiny_plugin" not in sys.modules


def test_generator_conforms(site: Path) -> None:
    report = check_generator(load_generator("tiny"), attempts=4)
    assert report.accepted == report.replayed == 4
    assert report.solved == 2
    assert report.robot == "tiny_arm"
    long = check_generator(load_generator("tiny"), task="tiny_long", attempts=8, run_seed=3)
    assert 0 < long.accepted < 8


def test_robot_and_source_conform(site: Path) -> None:
    check_robot(load_robot("tiny_arm"))
    check_source(load("asset source", "tiny")(), range(2), physics=False)


def test_tasks_are_found_by_name(site: Path) -> None:
    generator, info = find_task("tiny_short")
    assert generator.name == "tiny"
    assert info.name == "tiny_short"


def test_list_shows_good_and_broken_plugins(broken_site: Path) -> None:
    done = command(broken_site, "list", "--json")
    assert done.returncode == 0, done.stderr
    text = done.stdout
    json.loads(text)
    for name in ("pick_place", "tiny", "tiny_arm", "absent", "misspelt", "raises", "absent_arm"):
        assert f'"{name}"' in text
    for why in ("no_such_module", "NoSuchClass", "broken on import"):
        assert why in text
    assert "Traceback" not in done.stderr


def test_a_broken_plugin_hides_no_other(broken_site: Path) -> None:
    states = {(p.kind, p.name): p for p in plugins()}
    for name in ("absent", "misspelt", "raises"):
        assert states["generator", name].problem
        assert states["generator", name].package == "broken-plugin"
    assert not states["generator", "tiny"].problem
    assert not states["robot", "tiny_arm"].problem
    generator, _ = find_task("tiny_short")
    assert generator.name == "tiny"
    tasks, broken = shipped_tasks()
    assert {"pick_place", "tiny_short"} <= {info.name for _, info in tasks}
    assert {state.name for state in broken} == {"absent", "misspelt", "raises", "explodes"}


@pytest.mark.parametrize("name", ["absent", "misspelt", "raises"])
def test_using_a_broken_plugin_says_which(broken_site: Path, name: str) -> None:
    with pytest.raises(PluginError, match=name):
        load("generator", name)


def test_a_broken_source_does_not_stop_generation(broken_site: Path) -> None:
    assert "absent_source" in registered("asset source")
    generator, info = find_task("put_near")
    maker = generator.open(generator.spec(info.spec, robot="primitive_arm"), 0)
    assert maker.attempt(0).objects


def test_another_source_changes_no_attempt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An attempt is a function of its spec and seeds, not of what else is installed."""
    generator, info = find_task("put_near")
    data = {**info.spec, "distractors": {"count": [12, 12], "query": {"graspable": True}}}
    spec = generator.spec(data, robot="primitive_arm")
    alone = [digest(generator.open(spec, 0).attempt(k)) for k in range(3)]
    install(tmp_path / "site", "tiny-plugin", GOOD)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    importlib.invalidate_caches()
    assert "tiny" in registered("asset source")
    assert [digest(generator.open(spec, 0).attempt(k)) for k in range(3)] == alone
