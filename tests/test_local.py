"""Folders of one's own objects: found, checked, converted, registered, made again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import trimesh

from datafactory.binding import bind
from datafactory.errors import UnknownNameError
from datafactory.plugin import load, registered
from datafactory_assets.conformance import check_source
from datafactory_assets.errors import AssetError, LicenceError
from datafactory_assets.local.adding import add_folder
from datafactory_assets.local.folder import find_objects
from datafactory_assets.local.registry import (
    find_manifest,
    local_sources,
    remove_source,
)
from datafactory_assets.local.source import LocalSource
from datafactory_assets.query import Query
from tests.own_fixture import OBJECTS, write_objects


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(folder of objects, store they are registered in as ``mine``)."""
    top = tmp_path_factory.mktemp("own")
    folder, store = write_objects(top / "objects"), top / "store"
    add_folder(folder, "mine", store=store)
    return folder, store


@pytest.fixture
def store(place: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATAFACTORY_ASSET_STORE", str(place[1]))
    return place[1]


def test_source_conforms(store: Path) -> None:
    assert store.is_dir()
    source = load("asset source", "mine")()
    check_source(source, range(3))
    cup, brick, peg = (source.make(name, 0) for name in ("cup", "brick", "peg"))
    assert cup.container
    assert cup.cavity is not None
    assert 0.028 < abs(cup.cavity.floor_polygon[0][0]) < 0.035
    assert (cup.colour, cup.material, cup.licence.author) == ("blue", "ceramic", "Jane Doe")
    assert brick.extents == pytest.approx((0.06, 0.04, 0.03), abs=5e-4)
    assert brick.colour == "red"
    assert brick.mass == pytest.approx(0.06 * 0.04 * 0.03 * 700.0, rel=1e-6)
    assert brick.inertia[2][2] == pytest.approx(brick.mass * (0.06**2 + 0.04**2) / 12.0, rel=1e-6)
    assert set(brick.attributes) == {"toy", "held_out"}
    assert peg.mass == pytest.approx(0.03)
    assert all(asset.graspable for asset in (cup, brick, peg))


def test_query_finds_it(store: Path) -> None:
    assert store.is_dir()
    source = load("asset source", "mine")()
    found = Query.parse({"category": "beaker", "container": True}).candidates([source])
    assert [info.name for _, info in found] == ["cup"]
    held_out = Query.parse({"attributes": ["held_out"], "licence": "CC-BY-4.0"})
    assert [n for n in ("brick", "cup", "peg") if held_out.matches(source.make(n, 0))] == ["brick"]


def test_same_bytes_in_another_process_and_store(place: tuple[Path, Path], tmp_path: Path) -> None:
    folder, store = write_objects(tmp_path / "objects"), place[1]
    lines = [line for line in OBJECTS.splitlines() if "cup" not in line]
    (folder / "objects.yaml").write_text("\n".join(lines))
    mine = add_folder(folder, "mine_too", store=store)
    code = (
        "import sys; from pathlib import Path; "
        "from datafactory_assets.local.adding import add_folder; "
        "print(add_folder(Path(sys.argv[1]), 'mine_too', store=Path(sys.argv[2])).pinned)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder), str(tmp_path)],
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert done.stdout.strip() == mine.pinned
    other = find_manifest(mine.pinned, tmp_path)
    assert other is not None
    first, second = LocalSource(mine, store), LocalSource(other, tmp_path)
    for name in mine.objects:
        assert first.make(name, 0) == second.make(name, 5)


def test_tasks_pin_what_they_mean(store: Path, tmp_path: Path) -> None:
    assert store.is_dir()
    data = {"name": "t", "sources": ["tier0", "mine"], "objects": {"a": "brick", "b": "beaker"},
            "goal": {"relation": "in", "subject": "a", "object": "b"},
            "instructions": {"train": ["put {a} in {b}"]}}  # fmt: skip
    spec = bind(data, generator="pick_place", version="1")
    (tier0, mine) = spec.task_spec.sources
    assert (tier0, mine) == ("tier0", local_sources()["mine"])
    assert bind(spec.to_dict(), generator="pick_place", version="1") == spec
    assert load("asset source", mine)().name == mine
    assert "mine" in registered("asset source")


def test_missing_source_names_the_remedy(store: Path) -> None:
    assert store.is_dir()
    with pytest.raises(UnknownNameError, match="datafactory assets add FOLDER --name gone"):
        load("asset source", "gone@12345678")


def test_add_again_replace_and_remove(tmp_path: Path) -> None:
    folder = tmp_path / "objects"
    folder.mkdir()
    trimesh.creation.box((0.05, 0.04, 0.03)).export(folder / "block.stl")
    (folder / "objects.yaml").write_text("defaults: {licence: MIT}")
    store = tmp_path / "store"
    first = add_folder(folder, "blocks", store=store)
    assert add_folder(folder, "blocks", store=store).pinned == first.pinned
    (folder / "objects.yaml").write_text("defaults: {licence: MIT, colour: green}")
    second = add_folder(folder, "blocks", store=store)
    assert second.pinned != first.pinned
    assert find_manifest("blocks", store) == second
    assert find_manifest(first.pinned, store) == first
    assert remove_source("blocks", store) == sorted([first.pinned, second.pinned])
    assert find_manifest("blocks", store) is None
    with pytest.raises(AssetError, match="no source 'blocks'"):
        remove_source("blocks", store)


def test_names_that_cannot_be(tmp_path: Path) -> None:
    folder = write_objects(tmp_path / "objects")
    with pytest.raises(AssetError, match="installed asset source"):
        add_folder(folder, "tier0", store=tmp_path)
    with pytest.raises(AssetError, match="lower case"):
        add_folder(folder, "My-Things", store=tmp_path)


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("objects: {cup.obj: {}}", LicenceError, r"objects\.yaml: objects\.cup\.obj\.licence"),
        ("defaults: {licence: MIT, colur: red}", AssetError, r"defaults\.colur.*\n.*\n.*'colour'"),
        ("defaults: {licence: MIT, units: feet}", AssetError, "units cannot be 'feet'"),
        ("defaults: {licence: MIT, mass_kg: -1}", AssetError, "a number above 0"),
        ("defaults: {licence: MIT, mass_kg: 1, density: 2}", AssetError, "both mass_kg"),
        ("objects: {cap.obj: {licence: MIT}}", AssetError, "no such file"),
        ("licence: MIT", AssetError, "under defaults"),
        ("defaults: [1", AssetError, r"objects\.yaml:1"),
    ],
)
def test_metadata_errors(tmp_path: Path, text: str, error: type[AssetError], said: str) -> None:
    folder = write_objects(tmp_path / "objects")
    (folder / "objects.yaml").write_text(text)
    with pytest.raises(error, match=said) as caught:
        find_objects(folder)
    assert caught.value.remedy


def test_folder_without_description(tmp_path: Path) -> None:
    write_objects(tmp_path)
    (tmp_path / "objects.yaml").unlink()
    with pytest.raises(AssetError, match=r"write .*objects\.yaml with the line"):
        find_objects(tmp_path)


def test_one_object_per_folder(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        trimesh.creation.box((0.05, 0.04, 0.03)).export(tmp_path / name / f"{name}.ply")
        (tmp_path / name / "object.yaml").write_text("licence: CC0-1.0")
    assert [item.name for item in find_objects(tmp_path)] == ["one", "two"]
    (tmp_path / "two" / "object.yaml").write_text("{licence: CC0-1.0, name: one}")
    with pytest.raises(AssetError, match="two objects are called 'one'"):
        find_objects(tmp_path)


def test_every_key_is_documented() -> None:
    page = (Path(__file__).parent.parent / "docs" / "own_objects.md").read_text()
    from dataclasses import fields

    from datafactory_assets.convert.description import Description

    for field in fields(Description):
        assert field.name == "where" or f"`{field.name}`" in page
    assert OBJECTS.splitlines()[0] in page


def test_processes_add_the_same_folder_at_once(tmp_path: Path) -> None:
    folder = write_objects(tmp_path / "objects")
    (folder / "objects.yaml").write_text("objects: {peg.urdf: {licence: MIT}}")
    code = (
        "import sys; from pathlib import Path; "
        "from datafactory_assets.local.adding import add_folder; "
        "print(add_folder(Path(sys.argv[1]), 'pegs', store=Path(sys.argv[2])).pinned)"
    )
    store = tmp_path / "store"
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(folder), str(store)],
                         stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]  # fmt: skip
    names = {process.communicate()[0].strip() for process in running}
    assert all(process.returncode == 0 for process in running)
    assert len(names) == 1
    assert find_manifest("pegs", store) == find_manifest(names.pop(), store)
    assert len(list((store / "converted").iterdir())) == 1
    assert list((store / "tmp").iterdir()) == []
