"""Data for robot learning: verified, replayable demonstrations from tasks in three lines.

::

    import datafactory as df

    task = df.Task(
        "put {a} on {b}",
        objects={"a": df.query("mug"), "b": df.query("plate")},
        goal=df.on("a", "b"),
    )
    df.generate(task, n=100, out="data/mugs", robot="franka_panda")

Names are imported when first used, so importing the package costs nothing.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datafactory.api import generate, load_task, open, query  # noqa: A004
    from datafactory.executor.resume import resume
    from datafactory.scene_graph.graph import (
        Goal,
        above,
        aligned,
        apart,
        at,
        behind,
        below,
        between,
        front,
        inside,
        left,
        near,
        on,
        right,
        stacked,
        touching,
        upright_in,
    )
    from datafactory.spec import Task
    from datafactory.validate import validate
    from datafactory.verify import verify

    __version__: str

__all__ = [
    "Goal",
    "Task",
    "__version__",
    "above",
    "aligned",
    "apart",
    "at",
    "behind",
    "below",
    "between",
    "front",
    "generate",
    "inside",
    "left",
    "load_task",
    "near",
    "on",
    "open",
    "query",
    "resume",
    "right",
    "stacked",
    "touching",
    "upright_in",
    "validate",
    "verify",
]

_HOMES = {
    "datafactory.api": ("generate", "load_task", "open", "query"),
    "datafactory.executor.resume": ("resume",),
    "datafactory.scene_graph.graph": (
        "Goal", "above", "aligned", "apart", "at", "behind", "below", "between", "front", "inside",
        "left", "near", "on", "right", "stacked", "touching", "upright_in",
    ),
    "datafactory.spec": ("Task",),
    "datafactory.validate": ("validate",),
    "datafactory.verify": ("verify",),
}  # fmt: skip
_HOME = {name: module for module, names in _HOMES.items() for name in names}


class _Package(ModuleType):
    """Keeps public functions public when a submodule of the same name is imported.

    Importing ``datafactory.verify`` binds the submodule on the package; the name then stays what
    ``__all__`` says it is, and ``from datafactory.verify import ...`` works as usual.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _HOME and isinstance(value, ModuleType):
            return
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("datafactory")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
