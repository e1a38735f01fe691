"""The documents keep their word: blocks compile, commands and links exist, numbers agree."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from datafactory.episode import REASONS
from datafactory.plugin import find_task, load_generator
from datafactory.scene_graph.graph import RELATIONS

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md")])
TEXTS = [*PAGES, ROOT / "Makefile", ROOT / ".ci/run", ROOT / "mkdocs.yml",
         *sorted(ROOT.glob("examples/*"))]  # fmt: skip
MAX_IMAGE_BYTES = 250_000
SHELL = ("bash", "sh", "console")
_COMMAND = re.compile(r"(?:^|[;|&(]\s*|\bdo\s+)(?:[\w./]*/)?datafactory\s+([^;|&)>\n]*)")
_LINK = re.compile(r"(!?)\[[^\]]*\]\(([^)\s]+)\)")
_INLINE = re.compile(r"`(datafactory [^`\n]+)`")
_ADVERTISING = re.compile(
    "seamless|powerful|cutting-edge|state-of-the-art|world-class|blazing|effortless|revolutionar"
    "|next-generation|game-chang|best-in-class|unleash|supercharge|[\U0001f300-\U0001faff]",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(
    r"(?<![\w.])/(?:root|work|opt|mnt|srv)/|\bissue\s*#?\d|(?<!\w)#\d{1,4}\b(?![0-9a-f])"
    r"|index-url|pypi\.org|\bTODO\b|\bFIXME\b"
)


@dataclass(frozen=True)
class Block:
    """A fenced block: where it is, its language, and whether the line before says to run it."""

    page: Path
    line: int
    language: str
    text: str
    run: bool

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@cache
def blocks(page: Path) -> tuple[Block, ...]:
    found, lines = [], page.read_text(encoding="utf-8").splitlines()
    start, language = -1, ""
    for number, line in enumerate(lines):
        if not line.lstrip().startswith("```"):
            continue
        if start < 0:
            start, language = number, line.strip().removeprefix("```").strip()
            continue
        run = start > 0 and lines[start - 1].strip() == "<!-- run -->"
        found.append(Block(page, start + 2, language, "\n".join(lines[start + 1 : number]), run))
        start = -1
    assert start < 0, f"{page}:{start + 1}: a fenced block is never closed"
    return tuple(found)


def without_blocks(page: Path) -> str:
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.M)


ALL = [block for page in PAGES for block in blocks(page)]


@pytest.mark.parametrize("block", [b for b in ALL if b.language == "python"], ids=str)
def test_python_blocks_compile(block):
    compile(block.text, str(block), "exec")


@pytest.mark.parametrize("block", [b for b in ALL if b.language in ("yaml", "json")], ids=str)
def test_data_blocks_are_read(block):
    yaml.safe_load(block.text)


def commands() -> list[tuple[str, str]]:
    """(place, arguments) of every ``datafactory`` command in blocks and inline code."""
    found = []
    for block in ALL:
        if block.language not in SHELL:
            continue
        text = block.text.replace("\\\n", " ")
        if block.language == "console":
            text = "\n".join(x.removeprefix("$ ") for x in text.splitlines() if x[:2] == "$ ")
        for line in text.splitlines():
            plain = line.partition(" #")[0]
            found += [(str(block), arguments) for arguments in _COMMAND.findall(plain)]
    for page in PAGES:
        place = str(page.relative_to(ROOT))
        found += [
            (place, text.split(maxsplit=1)[1]) for text in _INLINE.findall(without_blocks(page))
        ]
    return found


@cache
def command_tree():
    import typer

    from datafactory_cli.main import app

    return typer.main.get_command(app)


@pytest.mark.parametrize(("place", "arguments"), commands(), ids=lambda value: str(value)[:60])
def test_commands_and_their_options_exist(place, arguments):
    words = shlex.split(arguments)
    node, names = command_tree(), []
    while words and hasattr(node, "commands") and not words[0].startswith("-"):
        name = words.pop(0)
        choices = name.split("|")  # `assets list|info`
        assert set(choices) <= set(node.commands), f"{place}: no command '{name}'"
        node = node.commands[choices[0]]
        names.append(choices[0])
    known = {option for p in node.params for option in (*p.opts, *p.secondary_opts)}
    known |= {"--help", "-h"}
    for word in words:
        if word.startswith("-") and not word[1:2].isdigit():
            option = word.partition("=")[0]
            assert option in known, f"{place}: '{' '.join(names)}' has no option {option}"
    if "--task" in words[:-1] and names[:1] == ["generate"]:
        task = words[words.index("--task") + 1]
        examples = task.endswith(".yaml") or task.startswith("$") or task == "NAME"
        assert examples or find_task(task), f"{place}: no task '{task}'"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_make_targets_and_scripts_exist(page):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.M))
    for block in blocks(page):
        if block.language in SHELL:
            for name in re.findall(r"^make ([a-z]+)", block.text, flags=re.M):
                assert name in targets, f"{block}: no target '{name}'"
    text = page.read_text(encoding="utf-8")
    for script in re.findall(r"\b((?:examples|benchmarks)/\w+\.(?:py|yaml))\b", text):
        assert (ROOT / script).is_file(), f"{page}: no file {script}"
    for module in re.findall(r"python -m (benchmarks\.\w+)", text):
        assert (ROOT / (module.replace(".", "/") + ".py")).is_file(), f"{page}: no module {module}"


def slug(heading: str) -> str:
    kept = re.sub(r"[^\w\s-]", "", heading.lower()).strip()
    return re.sub(r"[\s]+", "-", kept)


def anchors(page: Path) -> set[str]:
    return {slug(h) for h in re.findall(r"^#+ (.+)$", without_blocks(page), flags=re.M)}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_internal_links_resolve(page):
    for image, target in _LINK.findall(without_blocks(page)):
        if target.startswith(("http://", "https://", "mailto:")):
            assert not image, f"{page}: the image {target} is on another host"
            continue
        name, _, anchor = target.partition("#")
        goal = (page.parent / name).resolve() if name else page
        assert goal.is_file(), f"{page}: no file {target}"
        assert ROOT in goal.parents, f"{page}: {target} leaves the project"
        assert not anchor or anchor in anchors(goal), f"{page}: no heading {target}"


def test_images_are_small_and_used():
    used = {
        (page.parent / target).resolve()
        for page in PAGES
        for image, target in _LINK.findall(page.read_text(encoding="utf-8"))
        if image
    }
    for path in ROOT.glob("docs/images/*"):
        assert path.stat().st_size <= MAX_IMAGE_BYTES, f"{path} is too large"
        assert path in used, f"{path} is shown nowhere"


def test_site_navigation_is_complete():
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]

    def files(entry) -> list[str]:
        if isinstance(entry, str):
            return [entry]
        items = entry.values() if isinstance(entry, dict) else entry
        return [name for item in items for name in files(item)]

    listed = files(nav)
    assert len(listed) == len(set(listed))
    assert set(listed) == {p.name for p in ROOT.glob("docs/*.md")}


@pytest.mark.parametrize("path", TEXTS, ids=lambda p: p.name)
def test_the_project_speaks_of_itself_in_plain_words(path):
    text = path.read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), start=1):
        place = f"{path.relative_to(ROOT)}:{number}"
        found = _ELSEWHERE.search(line)
        assert not found, f"{place}: '{found and found.group()}'"
        loud = _ADVERTISING.search(line)
        assert not loud, f"{place}: '{loud and loud.group()}'"


def table_rows(page: str, columns: int) -> list[list[str]]:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    rows = [[c.strip() for c in x.strip("|").split("|")] for x in text.splitlines() if x[:1] == "|"]
    return [row for row in rows if len(row) == columns]


def test_limits_of_the_verdict_are_the_codes():
    rows = [row for row in table_rows("pick_place.md", 5) if "." in row[4]]
    assert len(rows) >= 12
    for row in rows:
        module, name = row[4].strip("`").split(".")
        value = getattr(import_module(f"datafactory_pick_place.{module}"), name)
        assert float(row[3]) == value, f"docs/pick_place.md: {row[1]} is {value}, not {row[3]}"


def test_reasons_and_stages_are_documented():
    generator = load_generator("pick_place")
    rows = table_rows("pick_place.md", 3)
    named = [row[0].strip("`") for row in rows]
    for code in (*REASONS, *generator.reasons, *generator.stages):
        assert code in named, f"docs/pick_place.md does not explain '{code}'"


def test_counts_in_the_readme():
    from datafactory_assets.families import Tier0, Tier1

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    families = sum(len(source.families()) for source in (Tier0(), Tier1()))
    kinds = len(set(RELATIONS))
    assert f"{kinds} physical relations" in text
    stated = re.search(r"more than (\d+) seeded families", text)
    assert stated is not None
    assert families - 20 <= int(stated[1]) < families


def test_example_task_is_valid():
    data = yaml.safe_load((ROOT / "examples/own_task.yaml").read_text())
    load_generator("pick_place").spec(data, where="examples/own_task.yaml")


def _shell(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text], cwd=folder, env={**os.environ, "PATH": path},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "least"), [("quickstart.md", 6), ("robots.md", 2), ("suite.md", 1)]
)
def test_marked_blocks_run(tmp_path, page, least):
    marked = [b for b in blocks(ROOT / "docs" / page) if b.run]
    assert len(marked) >= least
    for number, block in enumerate(marked):
        if block.language == "python":
            script = tmp_path / f"block_{number}.py"
            script.write_text(f"if __name__ == '__main__':\n{_indented(block.text)}")
            text = f"python {script.name}"
        else:
            text = block.text
        done = _shell(text, tmp_path)
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
    if page == "quickstart.md":
        made = {p.name for p in tmp_path.iterdir()}
        assert {"episode.png", "sheet.png", "workspace.png"} <= made


@pytest.mark.slow
def test_the_steps_to_a_task_run(tmp_path):
    marked = [b for b in blocks(ROOT / "docs/add_task.md") if b.run]
    assert len(marked) == 4
    for block in marked:
        done = _shell(block.text.replace("--task", "--robot primitive_arm --task"), tmp_path)
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
    assert (tmp_path / "tidy.png").is_file()


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


@pytest.mark.slow
def test_examples_run(tmp_path):
    made = _shell("datafactory generate --task put_on_plate --n 2 --out set --workers 1 -q "
                  "--robot primitive_arm --json", tmp_path)  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout.splitlines()[-1])["accepted"] == 2
    done = _shell(f"python {ROOT}/examples/read_dataset.py set", tmp_path)
    assert "2 accepted episodes" in done.stdout, done.stderr
    done = _shell(f"python {ROOT}/examples/evaluate_in_world.py set 2", tmp_path)
    assert done.stdout.rstrip().endswith("2 of 2"), done.stdout + done.stderr
    script = (ROOT / "examples/three_lines.py").read_text().replace("franka_panda", "primitive_arm")
    (tmp_path / "three_lines.py").write_text(script.replace("n=10", "n=1, workers=1"))
    done = _shell("python three_lines.py", tmp_path)
    assert done.returncode == 0, done.stderr
