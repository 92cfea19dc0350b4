"""What places of one job tell one another: the first one has a door, the others come to it; then lines of JSON.

door = await Door.open(host)            # at the first place; door.told goes to all others
links = await door.links(3)
link = await join(door.told, place=1)   # at each of the others
link.send("open", 17)
verb, number = await link.hear(patience=3.0)
"""

import asyncio
import hmac
import json
import secrets
from typing import Any, Dict, List, Optional, Sequence

# Seconds in which somebody comes, or says who it is.
COMES = 5.0
# A line may be so long (bytes): at most a list of all connections that died at once.
_LONGEST = 1 << 20


class Link:
    """To one other place."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def send(self, *words: Any) -> None:
        """Tell it; nothing happens where it is gone."""
        self._writer.write(json.dumps(words).encode() + b"\n")

    async def hear(self, patience: float) -> List[Any]:
        """What it says next. Raises TimeoutError after so many seconds, EOFError or OSError where it is gone."""
        try:
            line = await asyncio.wait_for(self._reader.readline(), patience)
            words: Any = json.loads(line.decode()) if line.endswith(b"\n") else None
        except (ValueError, RecursionError) as error:
            raise EOFError("it says nothing of ours") from error
        if not isinstance(words, list) or not words:
            raise EOFError("it is gone")
        return words

    def close(self) -> None:
        """The other place hears of it at once."""
        self._writer.close()


class Door:
    """Where the first place is found. ``told``: its host and port, and a word that only the others know."""

    def __init__(self) -> None:
        self._word = secrets.token_hex(16)
        self._links: Dict[int, Link] = {}
        self._came = asyncio.Event()
        self._server: Optional[asyncio.AbstractServer] = None
        self.told: List[Any] = []

    @classmethod
    async def open(cls, host: str) -> "Door":
        """At an address of this machine, and a port that nobody uses. Raises OSError."""
        door = cls()
        door._server = server = await asyncio.start_server(door._enter, host, 0, limit=_LONGEST)
        door.told = [host, server.sockets[0].getsockname()[1], door._word]
        return door

    async def links(self, count: int) -> List[Link]:
        """To so many other places, in their order. Raises TimeoutError where not all of them come."""
        try:
            while len(self._links) < count:
                self._came.clear()
                await asyncio.wait_for(self._came.wait(), COMES)
        except BaseException:
            for link in self._links.values():
                link.close()
            raise
        finally:
            self.close()
        return [self._links[place] for place in sorted(self._links)]

    def close(self) -> None:
        """Nobody comes any more."""
        if self._server is not None:
            self._server.close()

    async def _enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(reader, writer)
        try:
            word, place = await link.hear(COMES)
            known = hmac.compare_digest(str(word), self._word) and place not in self._links
        except (asyncio.TimeoutError, EOFError, OSError, TypeError, ValueError):
            known = False
        if not known:
            link.close()
            return
        self._links[place] = link
        self._came.set()


async def join(told: Sequence[Any], place: int) -> Link:
    """Come to the door. Raises OSError or TimeoutError where there is no way to it."""
    host, port, word = told
    link = Link(*await asyncio.wait_for(asyncio.open_connection(host, port, limit=_LONGEST), COMES))
    link.send(word, place)
    return link
