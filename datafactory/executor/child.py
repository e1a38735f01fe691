"""Child processes that do the work: single-threaded, killable, gone when their parent is.

Attempts do not run inside dask's own processes. Each dask worker thread drives one child through
a socket, so a hung or crashed attempt costs one child, never the cluster, on any scheduler; local
clusters need no further processes; and user scripts need no ``if __name__ == "__main__"`` guard.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "LANCE_CPU_THREADS",
    "LANCE_IO_THREADS",
)
_PR_SET_PDEATHSIG = 1


class ChildDied(Exception):  # noqa: N818 - an event for the supervisor, not an error to show
    """The child process ended without an answer."""


class Child:
    """One child process running ``serve(connection, settings)``.

    Args:
        target: ``module:function`` to serve.
        settings: Plain data for it.
    """

    def __init__(self, target: str, settings: dict[str, Any]) -> None:
        ours, theirs = socket.socketpair()
        environment = os.environ | dict.fromkeys(_THREADS, "1")
        environment["PYTHONPATH"] = os.pathsep.join(p or os.getcwd() for p in sys.path)
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=2,
            )
        self._connection = Connection(ours.detach())
        self.send((os.getpid(), target, settings))

    def send(self, message: Any) -> None:
        """Sends one message.

        Raises:
            ChildDied: Nobody listens.
        """
        try:
            self._connection.send(message)
        except OSError as error:
            raise ChildDied from error

    def receive(self, timeout_s: float | None) -> Any:
        """Waits for one message.

        Raises:
            TimeoutError: None came in time; the child is still alive.
            ChildDied: The child ended.
        """
        try:
            if not self._connection.poll(timeout_s):
                raise TimeoutError
            return self._connection.recv()
        except (EOFError, ConnectionError) as error:
            raise ChildDied from error

    def kill(self) -> None:
        """Ends the child at once and waits for its end."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """Kills the child and frees the socket. Not to be called while another thread receives."""
        self.kill()
        self._connection.close()


def resolve(reference: str) -> Any:
    """Imports ``module:attribute``."""
    module, _, attribute = reference.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    connection = Connection(int(sys.argv[1]))
    parent, target, settings = connection.recv()
    if os.getppid() != parent:
        return
    serve: Callable[[Connection, dict[str, Any]], None] = resolve(target)
    try:
        serve(connection, settings)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the parent is gone or has closed the socket: nothing left to do


if __name__ == "__main__":
    _main()
