"""The web.config.file as it is in force: read again when it, or a file that it names, has changed."""

import ssl
from pathlib import Path

from attrs import frozen

from agent.schedule.log import Log
from agent.server.tls import context_of, files_of
from agent.server.web_config import NOTHING, BadConfig, WebConfig, read_config

# What tells that a file is another one: device, inode, size, time of its last change.
_Stamp = tuple[int, int, int, int]


@frozen
class _Read:
    config: WebConfig
    context: ssl.SSLContext | None


class Web:
    """``exposed``: others than this machine reach the server, so that what is read anew must protect it too.

    ``trouble``: why the file as it is now is not in force; "" where it is.
    """

    def __init__(self, name: str | None, log: Log) -> None:
        self._path = Path(name) if name is not None else None
        self._log = log
        self._stamps: list[_Stamp | None] = []
        self.exposed = False
        self.trouble = ""
        self._read = self._load() if self._path is not None else _Read(NOTHING, None)
        self._stamps = self._stamped()

    @property
    def config(self) -> WebConfig:
        """What is in force."""
        return self._read.config

    def context(self) -> ssl.SSLContext | None:
        """For a new connection; the file is read again first, where it has changed."""
        self.refresh()
        return self._read.context

    def refresh(self) -> None:
        """Read the file again, where it or one that it names has changed. A bad one changes nothing, and is told."""
        stamps = self._stamped()
        if stamps == self._stamps:
            return
        self._stamps = stamps
        try:
            read = self._load()
        except BadConfig as wrong:
            self.trouble = str(wrong)
            self._log("web.config.file refused, the old one stays", level="error", reasons=self.trouble)
            return
        self._read, self.trouble = read, ""
        self._stamps = self._stamped()
        self._log("web.config.file read again")

    def _load(self) -> _Read:
        """Raises BadConfig."""
        assert self._path is not None  # noqa: S101 - see where it is called
        config = read_config(self._path)
        if self.exposed and not config.protects:
            raise BadConfig(f"{self._path}: others reach this server: it must keep TLS, and users or client_ca_file")
        context = context_of(config.tls, self._path.parent) if config.tls is not None else None
        return _Read(config, context)

    def _stamped(self) -> list[_Stamp | None]:
        if self._path is None:
            return []
        read = getattr(self, "_read", None)
        tls = read.config.tls if read is not None else None
        return [_stamp(path) for path in (self._path, *(files_of(tls, self._path.parent) if tls is not None else ()))]


def _stamp(path: Path) -> _Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
