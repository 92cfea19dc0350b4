"""What can be wrong with a store, in words for people; the one place where an error of SQLite becomes one of these."""

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class StoreError(Exception):
    """The store could not do what it was asked; what it had acknowledged before is unharmed."""


class Full(StoreError):
    """There is no room, or no more than a limit allows. Nothing of the run was kept; a later one may be."""


class Busy(StoreError):
    """Another process has been writing all the time."""


class Unusable(StoreError):
    """The file cannot be read or written here: permissions, the device, a folder in its place."""


class Foreign(StoreError):
    """The file is a database, and none of linkdoctor's. It is left as it is."""


class Newer(StoreError):
    """The file was written by a later linkdoctor. It is left as it is."""


class Broken(StoreError):
    """What is in the file is damaged."""


# By the primary code of SQLite (sqlite.org/rescode.html): what it is for us, and how it is told.
_KINDS: dict[int, tuple[type[StoreError], str]] = {
    sqlite3.SQLITE_FULL: (Full, "no room is left to write: free some, and it goes on by itself"),
    sqlite3.SQLITE_BUSY: (Busy, "another process is writing to it all the time"),
    sqlite3.SQLITE_LOCKED: (Busy, "another process is writing to it all the time"),
    sqlite3.SQLITE_CORRUPT: (Broken, "the file is damaged"),
    sqlite3.SQLITE_NOTADB: (Broken, "the file is damaged: this is no database"),
    sqlite3.SQLITE_READONLY: (Unusable, "no permission to write"),
    sqlite3.SQLITE_PERM: (Unusable, "no permission"),
    sqlite3.SQLITE_CANTOPEN: (Unusable, "it cannot be opened: look at the permissions of the file and of its folder"),
}
# Of an I/O error, what is nothing but a lack of room. SQLite tells a full disk there in the same words as a broken one.
_NO_ROOM = frozenset({sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_TRUNCATE})


def in_words(error: sqlite3.Error, path: Path | str) -> StoreError:
    """What the error means for the file."""
    code = getattr(error, "sqlite_errorcode", 0)
    if code in _NO_ROOM:
        return Full(f"{path}: nothing can be written: is the disk full? It goes on by itself when there is room")
    kind, words = _KINDS.get(code & 0xFF, (Unusable, f"it cannot be used: {error}"))
    return kind(f"{path}: {words}")


@contextmanager
def told(path: Path | str) -> Iterator[None]:
    """Errors of SQLite, of the file's system, and of what was compressed leave as StoreError."""
    try:
        yield
    except sqlite3.Error as error:
        raise in_words(error, path) from error
    except UnicodeDecodeError as error:  # of a text, or of SQLite's own words about one
        raise Broken(f"{path}: the file is damaged") from error
    except zlib.error as error:
        raise Broken(f"{path}: what was kept there of a run is damaged: {error}") from error
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror or error}") from error
