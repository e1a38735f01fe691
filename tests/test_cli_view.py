"""``datafactory view`` from the command line."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request

from datafactory_cli.main import run
from tests import store_fixture


def test_serves_until_it_is_stopped(tmp_path):
    store_fixture.make(tmp_path / "set", count=6)
    words = [sys.executable, "-m", "datafactory_cli.main", "view", str(tmp_path / "set")]
    with subprocess.Popen(
        [*words, "--port", "0", "--json", "--annotate"], stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            said = json.loads(server.stdout.readline())
            assert said["datasets"] == ["set"]
            base, token = said["url"].split("#token=")
            assert base.startswith("http://127.0.0.1:")
            assert len(token) > 20
            with urllib.request.urlopen(base + "api/datasets", timeout=30) as answer:
                assert json.load(answer)["writable"]
        finally:
            server.send_signal(signal.SIGINT)
        assert server.wait(30) in (0, 130)


def test_misuse(tmp_path, capsys):
    assert run(["view", str(tmp_path / "nothing")]) == 2
    assert "not a datafactory dataset" in capsys.readouterr().err
    store_fixture.make(tmp_path / "set", count=4)
    assert run(["view", f"{tmp_path / 'set'}@nine"]) == 2
    assert "no version or tag 'nine'" in capsys.readouterr().err
    assert run(["view", str(tmp_path / "set"), "--host", "203.0.113.7", "--no-open"]) == 2
    assert "cannot listen on 203.0.113.7" in capsys.readouterr().err
