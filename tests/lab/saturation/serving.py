"""The servers of both hosts: `python -m tests.lab.saturation.serving ADDRESS`. It prints a line when they listen."""

import resource
import select
import socket
import sys
import threading

from tests.lab.saturation.places import ECHO, HTTP, ONE_AT_A_TIME, PLAIN, QUEUE

_BACKLOG = 4096
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n"


def answer(port: int, data: bytes) -> bytes:
    """What the server at the port says to that."""
    if port == ECHO:
        return data
    return _ANSWER if port != PLAIN and b"\r\n\r\n" in data else b""


def serve(address: str) -> None:
    """All connections in one loop; each stays open as long as its client wants."""
    poll = select.epoll()
    listeners = [socket.create_server((address, port), backlog=_BACKLOG) for port in (HTTP, PLAIN, ECHO)]
    accepting = {listener.fileno(): listener for listener in listeners}
    open_: dict[int, tuple[int, socket.socket]] = {}
    for number, listener in accepting.items():
        listener.setblocking(False)
        poll.register(number, select.EPOLLIN)
    print("listening", flush=True)
    while True:
        for number, _ in poll.poll():
            if number in accepting:
                for connection in _waiting(accepting[number]):
                    poll.register(connection, select.EPOLLIN)
                    open_[connection.fileno()] = (accepting[number].getsockname()[1], connection)
            elif not _converse(*open_[number]):
                open_.pop(number)[1].close()


def serve_one_at_a_time(address: str) -> None:
    """Whoever comes meanwhile waits in the kernel's queue: it holds one more than its length."""
    with socket.create_server((address, ONE_AT_A_TIME), backlog=QUEUE) as listener:
        while True:
            connection, _ = listener.accept()
            with connection:
                while _converse(ONE_AT_A_TIME, connection):
                    pass


def _waiting(listener: socket.socket) -> list[socket.socket]:
    found = []
    try:
        while True:
            connection, _ = listener.accept()
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            found.append(connection)
    except BlockingIOError:
        return found


def _converse(port: int, connection: socket.socket) -> bool:
    """Answer what has come; False where the client is gone."""
    try:
        data = connection.recv(4096)
        if data:
            connection.sendall(answer(port, data))
    except OSError:
        return False
    return bool(data)


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    threading.Thread(target=serve_one_at_a_time, args=sys.argv[1:], daemon=True).start()
    serve(sys.argv[1])
