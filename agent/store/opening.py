"""How the file is opened: made where it is missing, brought up to date, refused where it is not ours.

A damaged one is set aside by whoever writes, where it is called NAME or begins as a database does.
"""

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from agent.store.schema import APPLICATION, MIGRATIONS
from agent.store.trouble import Broken, Foreign, Newer, Unusable, told

Tell = Callable[[str], None]

# The store's file in a folder of states (`serve --state DIR`). What is called so is ours, however it looks.
NAME = "history.db"

# Seconds that a writer waits for another process to finish its writing.
_PATIENCE = 5.0
# What the log beside the file may keep on disk once it was written into it: bytes.
_JOURNAL = 8 << 20
# What a writer keeps of the file in memory: KiB. It seldom reads again what it wrote.
_CACHE = 256
_PRIVATE_FOLDER, _PRIVATE_FILE = 0o700, 0o600
_BESIDE = ("-wal", "-shm")
# How a file may be read: beside those who write to it; by this process alone, without files beside it; as it stands.
_SHARED, _ALONE, _STILL = "mode=ro", "mode=rw", "immutable=1"


def for_writing(path: Path, tell: Tell) -> sqlite3.Connection:
    """The store in this file, made where it is missing. A damaged one is set aside, which ``tell`` is told.

    A commit is on the disk when it returns: write-ahead log, synchronous=FULL. Raises StoreError.
    """
    with _turn(path):
        before = identity(path)
        try:
            return _opened(path)
        except Broken as wrong:
            if path.name != NAME and not _begins_as_database(path):
                raise Foreign(f"{path}: this is no store of linkdoctor: name a folder, or a file of your own") from None
            _begin_anew(path, before, wrong, tell)
            return _opened(path)


def in_place_of(path: Path, damaged: tuple[int, int] | None, wrong: Broken, tell: Tell) -> sqlite3.Connection:
    """The same, where that file has turned out to be damaged since it was opened."""
    with _turn(path):
        _begin_anew(path, damaged, wrong, tell)
        return _opened(path)


def for_reading(path: Path) -> sqlite3.Connection:
    """The store in this file, for queries alone: nothing in it is changed, and nothing is set aside. Raises StoreError.

    Where there is no room even for the index that several processes share, or no permission to make it, it is read
    without one; that takes it for this process alone.
    """
    if not path.is_file():
        raise Unusable(f"{path}: there is no such file")
    ways = [_SHARED]
    if os.access(path, os.W_OK):
        ways.append(_ALONE)
    if not _size(path.with_name(path.name + "-wal")):
        ways.append(_STILL)
    with told(path):
        for way in ways[:-1]:
            try:
                return _read(path, way)
            except sqlite3.OperationalError:  # not of a damaged file, which stays as it is
                continue
        return _read(path, ways[-1])


def in_memory() -> sqlite3.Connection:
    """A store that is gone with its connection."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    _migrate(connection, Path("memory"))
    return connection


def identity(path: Path) -> tuple[int, int] | None:
    """Which file it is that is called so now: device and inode; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _begins_as_database(path: Path) -> bool:
    """Whether it may be a damaged store. sqlite.org/fileformat.html, 1.3."""
    with told(path), path.open("rb") as file:
        return file.read(16) == b"SQLite format 3\0"


def _begin_anew(path: Path, damaged: tuple[int, int] | None, wrong: Broken, tell: Tell) -> None:
    """Set the damaged file aside, unless another process has done so, and a new one stands in its place."""
    if identity(path) == damaged:
        tell(f"{wrong}; it is kept as {_set_aside(path)}, and a new one is begun")


def _set_aside(path: Path) -> Path:
    """Move the file and what belongs to it, as they are, into a folder beside it: its file there."""
    with told(path):
        stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
        folder = path.with_name(f"{path.name}.damaged-{stamp}Z")
        folder.mkdir(mode=_PRIVATE_FOLDER)
        # The log first: a new file of this name must not find the log of another.
        for name in (*(path.name + ending for ending in _BESIDE), path.name):
            with suppress(FileNotFoundError):
                path.with_name(name).rename(folder / name)
        return folder / path.name


@contextmanager
def _turn(path: Path) -> Iterator[None]:
    """Only one process at a time opens a store in this folder: of two that begin one at once, one would find it busy.

    The folder is made where it is missing. In the end the names of new files are on the disk.
    """
    with told(path):
        path.parent.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # a file system without such locks
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
        with told(path):
            os.fsync(folder)
    finally:
        os.close(folder)


def _opened(path: Path) -> sqlite3.Connection:
    with told(path):
        # SQLite gives the files beside it the same mode.
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, _PRIVATE_FILE))
        connection = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)
    try:
        with told(path):
            if not _version(connection, path):
                # Heard only as long as the file has no tables.
                connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA journal_size_limit = {_JOURNAL}")
            connection.execute(f"PRAGMA cache_size = -{_CACHE}")
            _migrate(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _read(path: Path, way: str) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{quote(str(path))}?{way}", uri=True, timeout=_PATIENCE, isolation_level=None)
    try:
        if way == _ALONE:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA query_only = ON")
        _version(connection, path, whole=True)
    except BaseException:
        connection.close()
        raise
    return connection


def _version(connection: sqlite3.Connection, path: Path, *, whole: bool = False) -> int:
    """How many migrations the file has seen. ``whole``: it must be today's. Raises Foreign, Newer, Unusable."""
    # In one statement: another process may be making the tables.
    application, version, tables = connection.execute(
        "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_master)"
        " FROM pragma_application_id, pragma_user_version"
    ).fetchone()
    if application != APPLICATION and (application or tables):
        raise Foreign(f"{path}: this is a database of another program, and no store of linkdoctor: name another folder")
    if version > len(MIGRATIONS):
        raise Newer(
            f"{path}: it was written by a later linkdoctor (version {version} of its tables, this one knows "
            f"{len(MIGRATIONS)}): use that one, or name another folder"
        )
    if whole and version < len(MIGRATIONS):
        if not version:
            raise Unusable(f"{path}: nothing was kept in it yet")
        raise Unusable(f"{path}: it was written by an earlier linkdoctor: `linkdoctor serve` brings it up to date")
    return int(version)


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the tables up to date: all of it, or nothing."""
    if _version(connection, path) == len(MIGRATIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Somebody else may have done it meanwhile.
        for script in MIGRATIONS[_version(connection, path) :]:
            for statement in script.split(";"):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
