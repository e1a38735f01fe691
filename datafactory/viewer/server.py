"""Opens datasets under aliases and serves them on this machine."""

from __future__ import annotations

import re
import secrets
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from datafactory.errors import SpecError
from datafactory.store.dataset import open_dataset
from datafactory.store.evaluations import TABLE
from datafactory.store.location import MARKER, Location, split_version, table_exists
from datafactory.viewer.access import LOCAL_NAMES, Access
from datafactory.viewer.app import Site, make_app, static_files
from datafactory.viewer.evaluations import Results
from datafactory.viewer.index import Index

PORT = 8484
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class Settings:
    """How a server runs.

    Attributes:
        host: Address it listens on.
        port: Port; None for 8484, or any free one when that is taken.
        annotate: Labels may be written.
    """

    host: str = "127.0.0.1"
    port: int | None = None
    annotate: bool = False


def site_of(paths: Sequence[str], access: Access) -> Site:
    """Datasets, and results of evaluations, by alias: the names of their folders.

    Raises:
        DatasetError: One of them is neither, or has no such version.
    """
    if not paths:
        raise SpecError("there is nothing to show", remedy="name a dataset")
    found: dict[str, Index] = {}
    results: dict[str, Results] = {}
    for text in paths:
        path, version = split_version(text)
        place = Location.of(path)
        evaluated = not table_exists(place, MARKER) and table_exists(place, TABLE)
        name = text.rstrip("/").rpartition("/")[2]
        alias = re.sub(r"[^A-Za-z0-9@._-]+", "-", name).strip(".-") or "data"
        while alias in found or alias in results:
            alias += "-2"
        if evaluated:
            results[alias] = Results(place)
        else:
            found[alias] = Index(open_dataset(path, version).location, version)
    return Site(found, access, static_files(), results)


def access_of(settings: Settings) -> Access:
    """The rules for some settings."""
    local = settings.host in LOOPBACK
    token = secrets.token_urlsafe(24) if settings.annotate or not local else ""
    names = LOCAL_NAMES if local else (*LOCAL_NAMES, settings.host, *_own_names(settings.host))
    return Access(token, tuple(dict.fromkeys(names)), closed=not local, writable=settings.annotate)


def _own_names(host: str) -> tuple[str, ...]:
    """Names of this machine, for a server that listens everywhere."""
    if host not in ("0.0.0.0", "::"):
        return ()
    name = socket.gethostname()
    try:
        addresses = socket.gethostbyname_ex(name)[2]
    except OSError:
        addresses = []
    return (name.lower(), *addresses)


def bind(settings: Settings) -> socket.socket:
    """Takes the port.

    Raises:
        SpecError: It is in use, or the address is not of this machine.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    ports = (settings.port,) if settings.port is not None else (PORT, 0)
    problem = OSError()
    for port in ports:
        taken = socket.socket(family, socket.SOCK_STREAM)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind((settings.host, port))
            taken.listen(128)
        except OSError as error:
            taken.close()
            problem = error
            continue
        return taken
    raise SpecError(
        f"cannot listen on {settings.host}:{ports[0]}",
        why=problem.strerror or str(problem),
        remedy="choose another --port or --host",
    )


def address(settings: Settings, access: Access, port: int) -> str:
    """What to open in a browser."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    if settings.host in ("0.0.0.0", "::"):
        host = socket.gethostname().lower()
    if access.closed:
        return f"http://{host}:{port}/?token={access.token}"
    return f"http://{host}:{port}/" + (f"#token={access.token}" if access.token else "")


def serve(paths: Sequence[str], settings: Settings, ready: Callable[[str, Site], None]) -> None:
    """Serves datasets until Ctrl-C.

    Args:
        paths: ``DIR`` or ``DIR@VERSION`` each.
        settings: Where and how.
        ready: Called with the address once requests are answered.

    Raises:
        DatasetError: A path is no dataset.
        SpecError: The port is in use.
    """
    import uvicorn

    access = access_of(settings)
    site = site_of(paths, access)
    taken = bind(settings)
    url = address(settings, access, taken.getsockname()[1])
    config = uvicorn.Config(
        make_app(site), log_level="warning", lifespan="off", server_header=False, date_header=False
    )
    server = uvicorn.Server(config)
    for index in site.datasets.values():  # read while the browser starts
        threading.Thread(target=_warm, args=(index,), daemon=True).start()
    ready(url, site)
    server.run(sockets=[taken])


def _warm(index: Index) -> None:
    """Reads an index; what is wrong with it is said to whoever asks for it."""
    from datafactory.errors import DataFactoryError

    try:
        index.snapshot()
    except DataFactoryError:
        return
