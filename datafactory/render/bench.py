"""Measures rendering: milliseconds per image of every renderer, episodes per second in all."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from datafactory.benchmark import Measure
from datafactory.executor.coordinator import run_generation
from datafactory.executor.render_run import RenderRequest, run_rendering
from datafactory.render.choice import choose, probe
from datafactory.render.studio import Studio
from datafactory.render.style import Style
from datafactory.store.dataset import open_dataset

if TYPE_CHECKING:
    from datafactory.executor.request import GenerateRequest, Progress

EPISODES_PER_S_BAR = 1.0
REPEATS = 3


@dataclass(frozen=True)
class RendererSpeed:
    """One renderer, measured on the same episodes in this process.

    Attributes:
        renderer: Name.
        cpu_ms, wall_ms: Per image (one camera, one frame), median over episodes.
        fixed_ms: CPU milliseconds per episode that do not grow with its length: building the
            stage and giving it to the renderer, from a film of a single frame.
        problem: Why it could not be measured; empty when it was.
    """

    renderer: str
    cpu_ms: float
    wall_ms: float
    fixed_ms: float
    problem: str = ""


@dataclass(frozen=True)
class RenderBench:
    """A render benchmark.

    Attributes:
        measures: Numbers and their bars.
        renderers: Every registered renderer.
        shares: CPU share of each step of the run: generate, stage, render, annotate, encode, store.
        images: Images rendered in the run.
        renderer: The renderer the run used.
    """

    measures: tuple[Measure, ...]
    renderers: tuple[RendererSpeed, ...]
    shares: Mapping[str, float]
    images: int
    renderer: str


def bench_render(
    request: GenerateRequest,
    style: Style,
    *,
    renderers: Sequence[str] = (),
    on_event: Callable[[Progress], None] | None = None,
) -> RenderBench:
    """Makes and renders episodes with the executor, then measures single renderers.

    Args:
        request: What to generate; its path is not used.
        style: How to render; its renderer makes the run.
        renderers: Renderers to measure alone; all registered ones by default.
        on_event: Receives progress of both halves.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "bench")
        begin = time.monotonic()
        made = run_generation(replace(request, path=path), on_event=on_event)
        rendered = run_rendering(
            RenderRequest(path=path, style=style, variant=style.style, workers=request.workers),
            on_event=on_event,
        )
        wall_s = time.monotonic() - begin
        cpu_s = {"generate": _generation_cpu_s(path), **rendered.cpu_s}
        names = renderers or [state.name for state in probe()]
        speeds = tuple(_speed(path, style, name) for name in names)
        bytes_ = _render_bytes(Path(path))
    total = sum(cpu_s.values())
    per_image = 1000 * sum(rendered.cpu_s.values()) / max(1, rendered.images)
    measures = (
        Measure("episodes generated and rendered", made.accepted / wall_s, "episodes/s",
                EPISODES_PER_S_BAR),
        Measure("rendering alone", rendered.made / rendered.wall_s, "episodes/s"),
        Measure("CPU per image, everything of render", per_image, "ms"),
        Measure("images per episode", rendered.images / max(1, rendered.made), "1"),
        Measure("disk per image", bytes_ / max(1, rendered.images), "B", better="low"),
    )  # fmt: skip
    shares = {name: value / total for name, value in cpu_s.items()} if total else {}
    return RenderBench(measures, speeds, shares, rendered.images, rendered.renderer)


def _generation_cpu_s(path: str) -> float:
    """CPU seconds of all attempts of a dataset, accepted or not, without storing."""
    dataset = open_dataset(path)
    columns = [dataset.episodes(columns=["cpu_s"]), dataset.attempts(columns=["cpu_s"])]
    values: list[float] = [
        entry["value"]
        for table in columns
        for row in table.column(0).to_pylist()
        for entry in row
        if entry["name"] == "total"
    ]
    return sum(values)


def _render_bytes(path: Path) -> int:
    return sum(p.stat().st_size for p in (path / "renders.lance").rglob("*") if p.is_file())


def _speed(path: str, style: Style, name: str) -> RendererSpeed:
    from datafactory.errors import MissingPartError

    try:
        renderer = choose(name)
    except MissingPartError as error:
        return RendererSpeed(name, 0.0, 0.0, 0.0, error.what)
    studio = Studio(open_dataset(path), style, style.style, renderer)
    try:
        # What is compiled once per process shall not count.
        renderer.render(studio.scene(studio.dataset.episode(0)).film)
        cpu, wall, fixed = [], [], []
        for position in range(min(REPEATS, len(studio.dataset))):
            film = studio.scene(studio.dataset.episode(position)).film
            one = replace(
                film,
                world_from_body=film.world_from_body[:1],
                shots=tuple(
                    replace(s, world_from_camera=s.world_from_camera[:1]) for s in film.shots
                ),
            )
            frames = len(film.world_from_body) * len(film.shots)
            start = (time.process_time(), time.perf_counter())
            renderer.render(one)
            middle = (time.process_time(), time.perf_counter())
            renderer.render(film)
            end = (time.process_time(), time.perf_counter())
            fixed.append(middle[0] - start[0])
            cpu.append((end[0] - middle[0]) / frames)
            wall.append((end[1] - middle[1]) / frames)
    finally:
        studio.close()
    cpu_ms, wall_ms, fixed_ms = (1000 * statistics.median(v) for v in (cpu, wall, fixed))
    return RendererSpeed(name, cpu_ms, wall_ms, fixed_ms)
