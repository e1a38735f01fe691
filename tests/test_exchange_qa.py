"""The export of questions: images, conversations and splits."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from PIL import Image

from datafactory.errors import DatasetError, SpecError, UnknownNameError
from datafactory.exchange.contract import ExportOptions, ExportSummary
from datafactory.exchange.qa_jsonl import QAJsonl
from datafactory.qa.answers import PickPlace
from datafactory.qa.forms import parse_answer
from datafactory.store.commit import Committer
from datafactory.store.dataset import Dataset, open_dataset
from datafactory.store.encode import asset_row, episode_row
from datafactory.store.location import Location
from tests.fake_attempts import FakeSpec
from tests.store_fixture import lineage, make
from tests.view_fixture import EXTRA, accepted, dataset


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Dataset:
    return dataset(tmp_path_factory.mktemp("qa") / "d")


def export(source: Dataset, out: Path, **options) -> ExportSummary:
    out.mkdir()
    return QAJsonl().write(source, out, ExportOptions(**options), lambda done, total: None)


def lines(path: Path) -> list[dict]:
    return [json.loads(text) for text in path.read_text().splitlines()]


def test_conversations_about_images_that_are_there(source: Dataset, tmp_path: Path) -> None:
    summary = export(source, tmp_path / "x")
    every = lines(tmp_path / "x" / "qa.jsonl")
    assert summary.episodes == 2
    assert f"{len(every)} questions" in summary.remarks[0]
    assert len({line["id"] for line in every}) == len(every)
    images = {p.name for p in (tmp_path / "x" / "images").iterdir()}
    assert images == {Path(line["image"]).name for line in every}
    assert summary.frames == len(images)
    for line in every:
        human, gpt = line["conversations"]
        assert human["from"] == "human"
        assert human["value"].startswith("<image>\n")
        assert gpt["from"] == "gpt"
        parse_answer(gpt["value"])
        assert line["task"] == "pick_place"
    name = tmp_path / "x" / every[0]["image"]
    with Image.open(io.BytesIO(name.read_bytes())) as image:
        assert image.size == (every[0]["width"], every[0]["height"]) == (252, 168)
        assert image.format == "JPEG"
    by_split = [
        line for s in ("train", "held_out") for line in lines(tmp_path / "x" / f"{s}.jsonl")
    ]
    assert sorted(by_split, key=lambda x: x["id"]) == sorted(every, key=lambda x: x["id"])
    assert {line["split"] for line in lines(tmp_path / "x" / "held_out.jsonl")} == {"held_out"}


def test_settings(source: Dataset, tmp_path: Path) -> None:
    settings = {"form": "json", "kinds": "pick_place, box", "images": "2", "per_episode": "3",
                "max_pixels": "200000"}  # fmt: skip
    export(source, tmp_path / "x", cameras=("front",), limit=1, settings=settings)
    every = lines(tmp_path / "x" / "qa.jsonl")
    assert len(every) == 3
    assert {line["form"] for line in every} == {"json"}
    assert {line["kind"] for line in every} <= {"pick_place", "box"}
    assert all("_front_" in line["image"] for line in every)
    assert (every[0]["width"], every[0]["height"]) == (308, 252)
    picks = [line for line in every if line["kind"] == "pick_place"]
    for line in picks:
        assert isinstance(parse_answer(line["conversations"][1]["value"]), PickPlace)


def test_the_same_export_twice_is_the_same(source: Dataset, tmp_path: Path) -> None:
    for name, seed in (("a", "0"), ("b", "0"), ("c", "1")):
        export(source, tmp_path / name, settings={"seed": seed, "per_episode": "9"})
    first, same, other = ((tmp_path / n / "qa.jsonl").read_bytes() for n in "abc")
    assert first == same
    assert first != other


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"form": "yaml"}, "no form of answers"),
        ({"images": "0"}, "whole number"),
        ({"per_episode": "many"}, "whole number"),
        ({"max_pixels": "100"}, "cannot be made"),
        ({"kinds": "boxes"}, "unknown question kind"),
        ({"min_visibility": "half"}, "no number"),
        ({"min_visibility": "nan"}, "shares"),
        ({"min_visibility": "2"}, "shares"),
        ({"min_side": "0"}, "whole number"),
    ],
)
def test_wrong_settings(source: Dataset, tmp_path: Path, settings, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        export(source, tmp_path / "x", settings=settings)


def test_without_images(source: Dataset, tmp_path: Path) -> None:
    make(tmp_path / "states", count=5)
    with pytest.raises(DatasetError, match="no rendered images"):
        export(open_dataset(tmp_path / "states"), tmp_path / "x")
    with pytest.raises(UnknownNameError, match="camera"):
        export(source, tmp_path / "y", cameras=("back",))


def test_nothing_to_export(source: Dataset, tmp_path: Path) -> None:
    for name, options in (
        ("filter", {"where": "robot = 'none'"}),
        ("questions", {"settings": {"min_side": "9999", "kinds": "box"}}),
    ):
        with pytest.raises(SpecError, match="nothing to export"):
            export(source, tmp_path / name, **options)


def test_thresholds(source: Dataset, tmp_path: Path) -> None:
    export(source, tmp_path / "all", settings={"kinds": "box"})
    some = {"kinds": "box", "min_visibility": "1.0", "min_side": "30"}
    export(source, tmp_path / "some", settings=some)
    few, every = (lines(tmp_path / n / "qa.jsonl") for n in ("some", "all"))
    assert 0 < len(few) < len(every)
    for line in few:
        (box,) = parse_answer(line["conversations"][1]["value"]).boxes
        assert min(box.right - box.left, box.bottom - box.top) >= 30


def test_episodes_without_images_are_said(tmp_path: Path) -> None:
    dataset(tmp_path / "d", episodes=1)
    committer, added = Committer(Location.of(tmp_path / "d")), accepted("pick_place", 1)
    row = episode_row(added, lineage(FakeSpec()), EXTRA)
    committer.add_assets([asset_row(a) for a in added.assets])
    committer.append("episodes", committer.writer.write("episodes", [row]), {})
    found = open_dataset(tmp_path / "d")
    summary = export(found, tmp_path / "x")
    assert summary.episodes == 1
    assert summary.remarks[1:] == ("1 of 2 episodes have no images of 'plain' and were left out",)
    assert len(export(found, tmp_path / "y", limit=1).remarks) == 1
    last = found.episode(1).episode_id
    with pytest.raises(SpecError, match="nothing to export"):
        export(found, tmp_path / "z", where=f"episode_id = '{last}'")
