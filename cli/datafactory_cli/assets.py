"""``datafactory assets``: object families, downloadable packs, licences."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from datafactory_cli import own
from datafactory_cli.session import Session, command
from datafactory_cli.text import size, table

if TYPE_CHECKING:
    from datafactory_assets.tables import TableInfo

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Names = Annotated[list[str] | None, typer.Argument(metavar="[PACK]...", help="All by default.")]


@app.callback()
def _group() -> None:
    """Objects, packs and licences."""


def _sources() -> dict[str, Any]:
    """Asset sources that load, by name."""
    from datafactory.inventory import plugins
    from datafactory.plugin import load

    good = [p.name for p in plugins() if p.kind == "asset source" and not p.problem]
    return {name: load("asset source", name)() for name in good}


def list_assets(
    session: Session,
    category: Annotated[str | None, typer.Option("--category", help="Only this category.")] = None,
    provider: Annotated[
        str, typer.Option("--provider", help="menagerie lists the models of MuJoCo Menagerie.")
    ] = "",
) -> None:
    """List object families, furniture and packs."""
    if provider:
        own.list_provider(session, provider, category)
        return
    from datafactory_assets.packs import load_lock, pack_status
    from datafactory_assets.tables import table_families

    families = [
        (source, info)
        for source, instance in _sources().items()
        for info in instance.families()
        if category is None or category in (info.category, *info.synonyms)
    ]
    furniture = [
        info for info in table_families()
        if category is None or category in (info.category, *info.synonyms)
    ]  # fmt: skip
    rows = []
    for source, info in families:
        uses = [w for w in ("graspable", "container", "supports") if getattr(info, w)]
        rows.append((info.name, info.category, " ".join(uses), source, info.description))
    packs = [
        {"name": name, "state": pack_status(name), "size_bytes": pack.size,
         "licence": pack.licence.spdx, "summary": pack.summary}
        for name, pack in sorted(load_lock().packs.items())
    ]  # fmt: skip
    text = table(rows, ("family", "category", "use", "source", "description"))
    text += f"\n\n{len(families)} families; a seed makes an instance, except of files\n\n"
    text += table(
        [(t.name, t.category, t.top, ", ".join(t.finishes), t.description) for t in furniture],
        ("furniture", "category", "top", "finishes", "description"),
    )  # fmt: skip
    text += f"\n\n{len(furniture)} families to work at, for `layout.table`\n\n"
    text += table(
        [(p["name"], p["state"], size(float(str(p["size_bytes"]))), p["licence"], p["summary"])
         for p in packs],
        ("pack", "state", "size", "licence", "what"),
    )  # fmt: skip
    data = [{"source": source, **asdict(info)} for source, info in families]
    found = {"families": data, "furniture": [asdict(t) for t in furniture], "packs": packs}
    session.result(found, text.strip())


def info(
    session: Session,
    name: Annotated[str, typer.Argument(help="Family, furniture or pack.")],
    seed: Annotated[int, typer.Option("--seed", help="Instance of the family to describe.")] = 0,
) -> None:
    """Describe a family with one instance of it, or a pack."""
    from datafactory.errors import UnknownNameError
    from datafactory_assets.packs import load_lock, pack_status
    from datafactory_assets.tables import table_families

    packs = load_lock().packs
    tables = {t.name: t for t in table_families()}
    if name in tables:
        _describe_furniture(session, tables[name], seed)
        return
    if name in packs:
        pack = packs[name]
        rows = [("pack", pack.name), ("what", pack.summary), ("state", pack_status(name)),
                ("from", f"{pack.project} {pack.version}"), ("files", str(len(pack.members))),
                ("size", size(pack.size)), ("licence", pack.licence.spdx),
                ("author", pack.licence.author), ("hash", pack.tree_hash)]  # fmt: skip
        session.result(dict(rows), table(rows))
        return
    sources = _sources()
    owners = {f.name: (s, f) for s in sources.values() for f in s.families()}
    if name not in owners:
        raise UnknownNameError.of("family or pack", name, [*owners, *tables, *packs])
    source, family = owners[name]
    asset = source.make(name, seed)
    rows = [
        ("family", f"{family.name}: {family.description}"),
        ("category", ", ".join((family.category, *family.synonyms))),
        ("dimensions from", family.dimension_source),
        ("instance", f"{asset.uid} (seed {seed})"),
        ("colour, material", f"{asset.colour}, {asset.material}"),
        ("size", " x ".join(f"{1000 * v:.0f}" for v in asset.extents) + " mm"),
        ("mass", f"{asset.mass:.3f} kg"),
        ("pieces", f"{len(asset.shapes)} convex collision pieces"),
        ("rests", ", ".join(p.name for p in asset.stable_poses)),
        ("use", " ".join(w for w in ("graspable", "container") if getattr(asset, w)) or "-"),
        ("licence", asset.licence.spdx),
    ]
    session.result({**asdict(family), "instance": dict(rows[3:])}, table(rows))


def _describe_furniture(session: Session, family: TableInfo, seed: int) -> None:
    from datafactory_assets.tables import make_table

    made = make_table(family.name, seed)
    sides = " x ".join(f"{2000 * v:.0f}" for v in made.half_extents)
    rows = [
        ("furniture", f"{family.name}: {family.description}"),
        ("category", ", ".join((family.category, *family.synonyms))),
        ("dimensions from", family.dimension_source),
        ("instance", f"{made.uid} (seed {seed})"),
        ("colour, finish", f"{made.colour}, {made.finish}"),
        ("top", f"{family.top}, {sides} mm"),
        ("pieces", f"{len(made.parts)} beside the top"),
        ("licence", made.licence.spdx),
    ]
    session.result({**asdict(family), "instance": dict(rows[3:])}, table(rows))


def _chosen(names: list[str] | None) -> list[str]:
    from datafactory_assets.packs import load_lock

    lock = load_lock()
    return [lock.pack(n).name for n in names] if names else sorted(lock.packs)


def fetch(
    session: Session,
    names: Names = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Download packs into the asset store and verify every byte."""
    from datafactory_assets.packs import ensure_pack, load_lock, pack_status

    others = [name for name in names or () if name.startswith(own.PREFIX)]
    if others:
        own.fetch_models(session, others)
        names = [name for name in names or () if name not in others]
        if not names:
            return
    chosen = _chosen(names)
    missing = [name for name in chosen if pack_status(name) != "ready"]
    total = sum(load_lock().packs[name].archive_size for name in missing)
    ask = bool(missing) and not yes and not session.json and sys.stdin.isatty()
    if ask and not typer.confirm(f"download {size(total)} for {', '.join(missing)}?", err=True):
        raise typer.Exit(2)
    done = []
    for name in chosen:
        place = ensure_pack(name, progress=session.remark)
        done.append({"name": name, "path": str(place.root)})
    session.result({"packs": done}, table([(d["name"], d["path"]) for d in done], ("pack", "path")))


def verify(session: Session, names: Names = None) -> None:
    """Re-read every byte of stored packs and compare with the lock file."""
    from datafactory_assets.packs import pack_status, verify_pack

    found, rows = [], []
    for name in _chosen(names):
        state = pack_status(name)
        problems = [] if state == "missing" else verify_pack(name)
        word = "missing" if state == "missing" else "damaged" if problems else "ok"
        found.append({"name": name, "state": word, "problems": problems})
        rows.append((name, word, problems[0] if problems else ""))
    session.result({"packs": found}, table(rows, ("pack", "state", "problem")))
    if any(item["state"] == "damaged" for item in found):
        raise typer.Exit(1)
    if names and any(item["state"] == "missing" for item in found):
        raise typer.Exit(4)


def lock(
    session: Session,
    names: Names = None,
) -> None:
    """Download archives named in packs.toml and print their new lock entries."""
    from datafactory_assets.lock import load_intents
    from datafactory_assets.packs import lock_pack

    chosen = names or sorted(load_intents())
    entries = {}
    for name in chosen:
        session.remark(f"{name}: downloading and hashing")
        entries[name] = lock_pack(name)
    session.result({"entries": entries}, "\n".join(entries.values()).rstrip())


def licences(
    session: Session,
    folder: Annotated[
        str | None, typer.Argument(metavar="[DIR]", help="Dataset; without it, the packs.")
    ] = None,
) -> None:
    """Print the licences of a dataset's assets, or of the packs, with the credits they ask for."""
    from datafactory_assets.asset import Licence
    from datafactory_assets.licences import attributions
    from datafactory_assets.packs import load_lock

    if folder is None:
        found = [pack.licence for pack in load_lock().packs.values()]
    else:
        from datafactory.store.dataset import open_dataset

        columns = ["licence", "author", "source", "attribution"]
        rows = open_dataset(folder).assets(columns=columns).to_pylist()
        found = [Licence(*(row[name] for name in columns)) for row in rows]
    counts = Counter(licence.spdx for licence in found)
    owed = attributions(found)
    text = table(sorted(counts.items()), ("licence", "assets"))
    text += f"\n\ncredits to give with this data:\n{owed}" if owed else "\n\nno credit needed"
    session.result({"licences": dict(counts), "attributions": owed.splitlines()}, text.rstrip())


for _name, _function in (
    ("list", list_assets), ("info", info), ("fetch", fetch), ("verify", verify), ("lock", lock),
    ("licences", licences),
):  # fmt: skip
    command(app, _name)(_function)
own.register(app)
