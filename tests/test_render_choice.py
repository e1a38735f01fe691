from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from datafactory import plugin
from datafactory.errors import MissingPartError, PluginError, UnknownNameError
from datafactory.render import choice
from datafactory.render.choice import choose, preference, probe, state
from datafactory.render.gl import GL
from datafactory.render.raycast import Raycast


def test_every_registered_renderer_says_what_it_lacks() -> None:
    found = {s.name: s for s in probe()}
    assert {"gl", "raycast"} <= set(found)
    for s in found.values():
        assert s.available == (s.remedy == ""), s
        assert s.available or s.finding
    assert found["gl"].available == (GL.missing() is None)
    assert found["raycast"].available == (Raycast.missing() is None)


def test_auto_falls_back_to_the_ray_caster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "off")
    assert choose("auto").name == "raycast"
    monkeypatch.setattr(Raycast, "missing", staticmethod(lambda: ("no module warp", "pip ...")))
    with pytest.raises(MissingPartError, match="gl: no OpenGL context"):
        choose()


@pytest.mark.skipif(GL.missing() is not None, reason="no OpenGL context")
def test_auto_prefers_opengl_without_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "cuda_devices", lambda: 0)
    renderer = choose()
    assert renderer.name == "gl"
    renderer.close()


def test_cuda_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "cuda_devices", lambda: 1)
    assert preference() == ("raycast", "gl")


def test_a_name_is_honoured_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose("raycast").name == "raycast"
    with pytest.raises(UnknownNameError, match="did you mean 'raycast'"):
        choose("raycaste")
    monkeypatch.setenv("MUJOCO_GL", "off")
    with pytest.raises(MissingPartError, match="unset MUJOCO_GL"):
        choose("gl")


class Broken:
    def __init__(self) -> None:
        raise ZeroDivisionError("no luck")


def test_a_broken_plugin_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    points = {
        "absent": EntryPoint("absent", "no_such_module:Thing", plugin.GROUPS["renderer"]),
        "silent": EntryPoint("silent", f"{__name__}:Broken", plugin.GROUPS["renderer"]),
    }
    monkeypatch.setattr(plugin, "registered", lambda kind: points)
    monkeypatch.setattr(EntryPoint, "load", lambda self: Broken if self.name == "silent" else 1 / 0)
    assert "ZeroDivisionError" in state("absent").finding
    assert "missing" in state("silent").finding
    assert not state("silent").available
    with pytest.raises(PluginError, match="no luck"):
        choose("silent")
