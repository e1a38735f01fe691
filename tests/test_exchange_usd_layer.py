from __future__ import annotations

import shutil

import pytest

from datafactory.errors import StorageError

pytest.importorskip("pxr")

from datafactory.exchange.usd_layer import new_layer, saving


@pytest.mark.parametrize(("free", "error"), [(0, StorageError), (1 << 30, Exception)])
def test_a_full_disk_is_told_from_other_failures(tmp_path, monkeypatch, free, error):
    usage = shutil.disk_usage(tmp_path)._replace(free=free)
    stage = new_layer(tmp_path / "gone" / "a.usda")
    shutil.rmtree(tmp_path / "gone")
    (tmp_path / "gone").touch()
    stage.DefinePrim("/World/x")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(error) as caught, saving(tmp_path):
        stage.GetRootLayer().Save()
    assert isinstance(caught.value, StorageError) == (free == 0)
