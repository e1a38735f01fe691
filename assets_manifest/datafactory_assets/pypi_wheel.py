"""The ``pypi-wheel`` provider: a wheel is an immutable archive that pip knows how to find.

pip is run as a subprocess, so its configuration (index, mirrors, proxies, certificates) is
honoured. A short probe comes first, because pip takes long to notice that there is no network.
"""

from __future__ import annotations

import configparser
import fnmatch
import hashlib
import os
import socket
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from datafactory_assets.errors import PackCorruptError, PackMissingError
from datafactory_assets.lock import LockedMember, LockedPack, PackIntent

DEFAULT_INDEX = "https://pypi.org/simple"
PROBE_S = 0.8
_PIP_TIMEOUT_S = 600
_TRUE = {"1", "true", "yes", "on", "y", "t"}


@dataclass(frozen=True)
class PipSources:
    """Where pip would look.

    Attributes:
        remote: http(s) URLs, or the proxy in front of them.
        local: Folders and file URLs.
    """

    remote: tuple[str, ...]
    local: tuple[str, ...]


def _config_files() -> list[Path]:
    explicit = os.environ.get("PIP_CONFIG_FILE")
    if explicit == os.devnull:
        return []
    home = Path.home()
    dirs = os.environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":")
    user = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    files = [Path(d) / "pip" / "pip.conf" for d in reversed(dirs) if d]
    files += [Path("/etc/pip.conf"), home / ".pip" / "pip.conf", user / "pip" / "pip.conf"]
    files.append(Path(sys.prefix) / "pip.conf")
    return [*files, Path(explicit)] if explicit else files


def _pip_options() -> Mapping[str, str]:
    """Pip's own options, weakest first: files, their ``[download]`` section, environment."""
    parser = configparser.RawConfigParser()
    parser.read(_config_files(), encoding="utf-8")
    options: dict[str, str] = {}
    for section in ("global", "download"):
        if parser.has_section(section):
            options.update((k.replace("_", "-"), v) for k, v in parser.items(section))
    for key, value in os.environ.items():
        if key.startswith("PIP_") and value:
            options[key[4:].lower().replace("_", "-")] = value
    return options


def pip_sources() -> PipSources:
    """Reads pip's configuration files and environment; no subprocess, no network."""
    options = _pip_options()
    urls = options.get("find-links", "").split()
    if options.get("no-index", "").lower() not in _TRUE:
        urls += options.get("index-url", DEFAULT_INDEX).split()
        urls += options.get("extra-index-url", "").split()
    remote = tuple(u for u in urls if urlsplit(u).scheme in {"http", "https"})
    local = tuple(u for u in urls if urlsplit(u).scheme not in {"http", "https"})
    names = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
    proxy = options.get("proxy") or next((os.environ[n] for n in names if os.environ.get(n)), "")
    if remote and proxy:
        remote = (proxy if "//" in proxy else f"http://{proxy}",)
    return PipSources(remote, local)


def is_offline() -> bool:
    """DATAFACTORY_OFFLINE is set: no socket may be opened."""
    return os.environ.get("DATAFACTORY_OFFLINE", "").lower() in _TRUE


def probe_timeout_s() -> float:
    """How long the probe waits: DATAFACTORY_PROBE_S, for networks that answer slowly."""
    return float(os.environ.get("DATAFACTORY_PROBE_S") or PROBE_S)


def reachable(urls: Iterable[str], timeout_s: float) -> str:
    """Tries to connect to every URL's host at once.

    Name resolution has no time limit of its own, hence the threads.

    Returns:
        Empty when one host answers, else the reason why none does.
    """
    done = threading.Event()
    reasons: dict[str, str] = {}
    hosts = {
        (p.hostname or "", p.port or (443 if p.scheme == "https" else 80))
        for p in map(urlsplit, urls)
    }

    def connect(host: str, port: int) -> None:
        try:
            socket.create_connection((host, port), timeout=timeout_s).close()
        except OSError as error:
            reasons[host] = str(error)
            if len(reasons) == len(hosts):
                done.set()
        else:
            found.append(host)
            done.set()

    found: list[str] = []
    for host, port in sorted(hosts):
        threading.Thread(target=connect, args=(host, port), daemon=True).start()
    done.wait(timeout_s)
    if found:
        return ""
    names = ", ".join(sorted(h for h, _ in hosts))
    why = "; ".join(sorted(set(reasons.values()))) or (
        f"no answer within {timeout_s:g} s; DATAFACTORY_PROBE_S sets another limit"
    )
    return f"cannot reach {names} ({why})"


def missing(name: str, why: str) -> PackMissingError:
    """The one error for a pack that is not there and cannot be fetched."""
    remedy = (
        f"connect to the network and run `datafactory assets fetch {name}`; or copy a warm asset "
        "store here and set DATAFACTORY_ASSET_STORE to it; or use `--robot primitive_arm`, which "
        "needs no download"
    )
    if "No module named pip" in why:
        remedy = f"install pip into this environment (python -m ensurepip); or {remedy}"
    return PackMissingError(f"pack '{name}' is not in the asset store", why=why, remedy=remedy)


def download(name: str, project: str, version: str, folder: Path) -> Path:
    """Downloads one wheel with pip into an empty folder.

    Raises:
        PackMissingError: At once when offline, else with the last line of pip's complaint.
    """
    if is_offline():
        raise missing(name, "DATAFACTORY_OFFLINE is set")
    sources = pip_sources()
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--only-binary=:all:",
        "--retries",
        "0",
        "--timeout",
        "5",
        "--disable-pip-version-check",
        "--no-input",
        "--progress-bar",
        "off",
        "--dest",
        str(folder),
    ]
    cut = reachable(sources.remote, probe_timeout_s()) if sources.remote else ""
    if cut:
        if not sources.local:
            raise missing(name, cut)
        command.append("--no-index")
        command += [f"--find-links={url}" for url in sources.local]
    try:
        result = subprocess.run(
            [*command, f"{project}=={version}"],
            capture_output=True,
            text=True,
            timeout=_PIP_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise missing(name, f"pip did not finish within {_PIP_TIMEOUT_S} s") from error
    wheels = sorted(folder.glob("*.whl"))
    if result.returncode != 0 or len(wheels) != 1:
        lines = [line for line in result.stderr.splitlines() if line.strip()]
        last = lines[-1] if lines else f"pip exited with {result.returncode}"
        raise missing(name, f"{cut}; local folders: {last}" if cut else last)
    return wheels[0]


def read_members(pack: LockedPack, archive: Path) -> Iterator[bytes]:
    """Yields the contents of the locked members of a verified archive.

    Raises:
        PackCorruptError: The archive or a member differs from the lock file.
    """
    remedy = "the index served other bytes than the lock file names; do not use them"
    data = archive.read_bytes()
    if hashlib.sha256(data).hexdigest() != pack.archive_sha256:
        why = f"sha256 differs from the lock file's {pack.archive_sha256[:16]}…"
        raise PackCorruptError(
            f"archive of pack '{pack.name}' is not the locked one",
            where=archive.name,
            why=why,
            remedy=remedy,
        )
    with zipfile.ZipFile(archive) as wheel:
        for member in pack.members:
            content = wheel.read(member.path)
            if hashlib.sha256(content).hexdigest() != member.sha256:
                raise PackCorruptError(
                    f"pack '{pack.name}' has a wrong member", where=member.path, remedy=remedy
                )
            yield content


def resolve(intent: PackIntent, archive: Path) -> LockedPack:
    """Locks an intent to the bytes of a downloaded archive."""
    members = []
    with zipfile.ZipFile(archive) as wheel:
        for info in wheel.infolist():
            if info.is_dir() or not any(
                fnmatch.fnmatchcase(info.filename, p) for p in intent.patterns
            ):
                continue
            content = wheel.read(info)
            digest = hashlib.sha256(content).hexdigest()
            members.append(LockedMember(info.filename, digest, len(content)))
    data = archive.read_bytes()
    return LockedPack(
        name=intent.name,
        summary=intent.summary,
        provider=intent.provider,
        project=intent.project,
        version=intent.version,
        archive=archive.name,
        archive_sha256=hashlib.sha256(data).hexdigest(),
        archive_size=len(data),
        licence=intent.licence,
        members=tuple(sorted(members, key=lambda m: m.path)),
    )
