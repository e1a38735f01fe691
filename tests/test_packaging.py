"""The wheel holds what it should and works alone; contracts and size limits of the code hold."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from configparser import ConfigParser
from email.parser import HeaderParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = {
    path.name: path
    for folder in (".", "generators", "zoo", "cli", "assets_manifest")
    for path in (ROOT / folder).glob("datafactory*")
    if path.is_dir() and not path.name.endswith(".egg-info")
}
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
CODE = (
    *("datafactory", "generators", "zoo", "cli", "assets_manifest"),
    *("tests", "benchmarks", "examples"),
)


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built without a network by the backend that is installed here."""
    pytest.importorskip("hatchling", reason="building needs hatchling in this environment")
    folder = tmp_path_factory.mktemp("wheel")
    code = f"from hatchling.build import build_wheel; build_wheel({str(folder)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


def read(wheel: Path, names: set[str], ending: str) -> str:
    (name,) = [n for n in names if n.endswith(ending)]
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(name).decode()


def source_files() -> set[str]:
    """Files of all packages as a wheel names them."""
    return {
        f"{name}/{path.relative_to(folder).as_posix()}"
        for name, folder in PACKAGES.items()
        for path in folder.rglob("*")
        if path.is_file()
        and "__pycache__" not in path.parts
        and "web" not in path.relative_to(folder).parts  # what the viewer's pages are built from
    }


def test_wheel_holds_the_packages_and_nothing_else(names):
    inside = {name for name in names if ".dist-info/" not in name}
    assert {name.split("/")[0] for name in inside} == set(PACKAGES)
    assert inside == source_files()


def test_wheel_holds_data_files(names):
    for package in PACKAGES:
        assert f"{package}/py.typed" in names
    assert "datafactory_assets/packs.toml" in names
    assert "datafactory_assets/assets.lock" in names
    tasks = {n for n in names if re.fullmatch(r"datafactory_pick_place/tasks/\w+\.yaml", n)}
    assert "datafactory_pick_place/tasks/pick_place.yaml" in tasks
    assert len(tasks) >= 9


def test_wheel_metadata(wheel, names, project):
    entries = ConfigParser()
    entries.read_string(read(wheel, names, "entry_points.txt"))
    assert entries["console_scripts"]["datafactory"] == "datafactory_cli.main:main"
    for group, points in project["project"]["entry-points"].items():
        assert dict(entries[group]) == points
    metadata = HeaderParser().parsestr(read(wheel, names, "METADATA"))
    assert metadata["License-Expression"] == "Apache-2.0"
    assert any(name.endswith("licenses/LICENSE") for name in names)
    required = [r for r in metadata.get_all("Requires-Dist", []) if "extra ==" not in r]
    assert len(required) == len(project["project"]["dependencies"])
    assert not [r for r in required if re.match(r"(torch|lance|lancedb|lerobot)\b", r)]
    assert all(re.search(r"[<]", r) for r in required), "an upper bound is missing"


def test_wheel_works_alone(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    code = (
        "import datafactory_cli.main as m, datafactory, datafactory_assets\n"
        "print(m.__file__); print(datafactory.__file__); print(datafactory_assets.__file__)\n"
        "raise SystemExit(m.run(['tasks', 'list']))"
    )
    env = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, text=True,
                          capture_output=True, check=True)  # fmt: skip
    *places, listing = done.stdout.split("\n", 3)
    assert all(place.startswith(str(tmp_path)) for place in places), places
    assert "pick_place" in listing


def test_console_script_is_installed():
    script = Path(sys.executable).parent / "datafactory"
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"datafactory \d+\.\d+\.\d+\S*\n", done.stdout)


def test_import_contracts_hold():
    lint = Path(sys.executable).parent / "lint-imports"
    if not lint.exists():
        pytest.skip("import-linter is not installed")
    done = subprocess.run(
        [lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_import_contracts_name_every_package(project):
    assert set(project["tool"]["importlinter"]["root_packages"]) == set(PACKAGES)
    assert set(project["tool"]["mypy"]["packages"]) == set(PACKAGES)


def python_files() -> list[Path]:
    return [p for folder in CODE for p in sorted((ROOT / folder).rglob("*.py"))]


def test_files_are_short():
    lengths = {p: p.read_text(encoding="utf-8").count("\n") for p in python_files()}
    long = {str(p.relative_to(ROOT)): n for p, n in lengths.items() if n > MAX_FILE_LINES}
    assert not long, f"files over {MAX_FILE_LINES} lines: {long}"


def test_functions_are_short():
    long = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": lines
        for path in python_files()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > MAX_FUNCTION_LINES
    }
    assert not long, f"functions over {MAX_FUNCTION_LINES} lines: {long}"


def test_randomness_comes_from_one_module():
    """Generators are made in ``seeding`` alone: an attempt is a function of its seeds."""
    made = re.compile(r"\b(default_rng|np\.random\.(seed|rand|RandomState)|import random\b)")
    for package in PACKAGES.values():
        for path in package.rglob("*.py"):
            for line in path.read_text(encoding="utf-8").splitlines():
                code = line.partition("#")[0]
                assert not made.search(code), f"{path.relative_to(ROOT)}: {line.strip()}"


def test_ci_script_is_sound():
    script = ROOT / ".ci/run"
    assert os.access(script, os.X_OK)
    assert "make test" in script.read_text()
    done = subprocess.run(["bash", "-n", script], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
