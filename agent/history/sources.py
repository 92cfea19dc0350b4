"""Where runs are kept, in one manner: the store of `serve` (DIR/history.db), and the files of `check --state DIR`.

Both stay as they are: a store serves one machine on its own disk, while files can be shared by several, over NFS too,
and every other command reads them. What is asked of files is answered by a store in memory, made of them.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click
from attrs import Factory, frozen

from agent.state import State, ours
from agent.store import NAME, Store, StoreError
from reports import document
from reports.history import KeptRun
from reports.model import Report
from reports.words import visible


@frozen
class Source:
    """One place with runs. ``files``: where the reports are that are not in the store itself, by the run's id."""

    where: str
    store: Store
    files: Mapping[str, Path] = Factory(dict)

    def report(self, run: KeptRun) -> Report:
        """What the run found. Raises ClickException where that is not kept (any more)."""
        path = self.files.get(run.id)
        try:
            found = self.store.report(run.id) if path is None else document.loads(path.read_bytes(), str(path))
        except (StoreError, document.DocumentError) as error:
            raise click.ClickException(str(error)) from None
        except OSError as error:
            raise click.ClickException(f"{path}: cannot be read: {error.strerror}") from None
        if found is None:
            raise click.ClickException(
                f"{run.id}: of this run only its line is left, its report made room for later ones: "
                "those of runs in which a verdict changed are kept longest"
            )
        return found


def default_folder() -> str:
    """Where runs are where nobody says anything else: XDG Base Directory, $XDG_STATE_HOME."""
    home = os.environ.get("XDG_STATE_HOME", "")
    base = Path(home) if home.startswith("/") else Path("~/.local/state").expanduser()
    return str(base / "linkdoctor")


@contextmanager
def opened(name: str) -> Iterator[list[Source]]:
    """All that is kept in a folder, or in one store's file. Raises ClickException, also where nothing is."""
    with ExitStack() as stack:
        try:
            found = _sources(Path(name), stack)
        except StoreError as error:
            raise click.ClickException(str(error)) from None
        except OSError as error:
            raise click.ClickException(f"{error.filename or name}: cannot be read: {error.strerror}") from None
        yield found


def _sources(place: Path, stack: ExitStack) -> list[Source]:
    """Raises ClickException, StoreError, OSError."""
    found = []
    if place.is_file() or (place / NAME).is_file():
        path = place if place.is_file() else place / NAME
        found.append(Source(str(path), stack.enter_context(Store.look(path))))
    if place.is_dir():
        found += [_of_files(folder, stack.enter_context(Store.in_memory())) for folder in State(place).folders()]
    elif not found:
        raise click.ClickException(
            f"{place}: there is no such folder: name one that `check --state` or `serve` keeps runs in, with --state"
        )
    return found


def _of_files(folder: Path, store: Store) -> Source:
    """The runs of a plan's folder. What cannot be read is told on stderr, and left."""
    files = {}
    for path in ours(folder):
        try:
            report = document.from_document(_outline(path), str(path))
        except (OSError, document.DocumentError) as error:
            click.echo(f"left as it is, and not used: {visible(str(error))}", err=True)
            continue
        if store.keep(report, body=False):
            files[report.run.id] = path
    return Source(str(folder), store, files)


def _outline(path: Path) -> Any:
    """The report's JSON, but for the observations of which a history tells nothing: they are nearly all of it."""
    read = document.parsed(path.read_bytes(), str(path))
    seen = read.get("observations") if isinstance(read, dict) else None
    if isinstance(seen, list):
        read["observations"] = [one for one in seen if isinstance(one, dict) and one.get("probe") == "egress"]
    return read
