"""Small datasets of the primitive arm, made once per test process, to be rendered and exported."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import datafactory as df
from datafactory.executor.render_run import RenderRequest, RenderSummary, run_rendering
from datafactory.render.library import load_style

EPISODES = 3
SMALL = ("size=[96, 72]", "fps=2", "samples=1")


@cache
def states() -> Path:
    """A dataset of accepted episodes without images. Not to be changed: copy it."""
    path = Path(mkdtemp(prefix="datafactory-states-")) / "d"
    df.generate("pick_place", n=EPISODES, out=path, robot="primitive_arm", workers=1)
    return path


def copy(to: Path) -> Path:
    """A copy of ``states()`` that a test may change."""
    shutil.copytree(states(), to)
    return to


def render(path: Path, *assignments: str, style: str = "default", **changes) -> RenderSummary:
    """Renders small, slow-motion images in this process's workers."""
    look = load_style(style, [*SMALL, *assignments])
    options = {"variant": look.style, "workers": 1, **changes}
    return run_rendering(RenderRequest(path=str(path), style=look, **options))


@cache
def rendered() -> Path:
    """A dataset with the variant ``default``, depth included. Not to be changed: copy it."""
    path = copy(Path(mkdtemp(prefix="datafactory-rendered-")) / "d")
    render(path, "depth=true")
    return path
