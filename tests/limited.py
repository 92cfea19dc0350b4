"""A real listener on loopback that has room for so many connections, and what it saw of them."""

import asyncio

HERE = "127.0.0.1"


class Limited:
    """Closes every connection beyond ``room`` at once. ``most``: how many it had at once; ``ended``: how each ended."""

    def __init__(self, room):
        self.room = room
        self.now = self.most = self.turned_away = 0
        self.ended = []
        self.empty = asyncio.Event()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, HERE, 0, backlog=1000)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exception):
        self._server.close()

    async def _serve(self, reader, writer):
        if self.now >= self.room:
            self.turned_away += 1
            writer.close()
            return
        self.now += 1
        self.most = max(self.most, self.now)
        self.empty.clear()
        try:
            while await reader.read(1000):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            self.ended.append("closed")
        except ConnectionError:
            self.ended.append("reset")
        finally:
            self.now -= 1
            if not self.now:
                self.empty.set()
            writer.close()
