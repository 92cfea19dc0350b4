"""The service probe against real servers."""

import asyncio
import contextlib

import pytest

from probes.contract import Ask, Notes
from probes.services import exchange
from reports.failures import Failure
from reports.model import Target
from tests import service_servers
from tests.service_servers import ask_service, stream_to
from tests.tls_servers import HERE

CLIENT, CARELESS, UNKNOWN = "127.0.0.2", "127.0.0.3", "127.0.0.4"


@pytest.fixture(scope="module")
def mariadb():
    """One server for all."""
    with service_servers.mariadb() as database:
        yield database


@pytest.fixture(scope="module")
def postgresql():
    """One server for all."""
    with service_servers.postgresql() as port:
        yield port


@pytest.fixture(scope="module")
def zookeeper():
    """One server for all."""
    with service_servers.zookeeper("srvr") as port:
        yield port


class TestMySQL:
    """MariaDB, which blocks a client's host after five interrupted handshakes."""

    async def test_answers(self, mariadb):
        """A refused unknown user is an answer, and shows how the server sees this client."""
        seen = await ask_service("mysql", mariadb.port, source=CLIENT)

        assert seen.failure is None
        assert seen.facts["code"] == 1045
        assert seen.facts["sees_client"] == CLIENT
        assert mariadb.sql("SELECT VERSION()") == seen.facts["version"]
        assert seen.facts["phase"] == "reply"
        assert seen.facts["spoke"] == "mysql"

    @pytest.mark.parametrize("service", ["mysql", "tcp", "redis", "zookeeper", "kafka"])
    async def test_does_not_count(self, mariadb, service):
        """Many more probes than max_connect_errors, whatever was declared, and the server still admits the client."""
        for _ in range(100 if service == "mysql" else 12):
            await ask_service(service, mariadb.port, source=CLIENT)

        assert mariadb.errors_of(CLIENT) == 0
        assert mariadb.login(CLIENT) == "welcome"

    async def test_wrong_service(self, mariadb):
        """A MySQL server at another service's port is recognised by its greeting."""
        seen = await ask_service("redis", mariadb.port, source=CLIENT)

        assert seen.failure is Failure.WRONG_PROTOCOL
        assert seen.facts["spoke"] == "mysql"

    async def test_plain_tcp(self, mariadb):
        """Where only TCP was declared, any greeting is fine."""
        seen = await ask_service("tcp", mariadb.port, source=CLIENT)

        assert seen.failure is None
        assert seen.facts["spoke"] == "mysql"

    async def test_cancelled(self, mariadb):
        """A cancelled exchange finishes its handshake first, and is then cancelled."""
        target = Target(name="it", host=HERE, port=mariadb.port, service="mysql")
        for _ in range(8):
            stream, notes = await stream_to(mariadb.port, CLIENT), Notes()
            ask = Ask(target=target, address=HERE)
            task = asyncio.ensure_future(exchange(ask, stream, notes))
            await asyncio.sleep(0)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await stream.close()

            assert task.cancelled()
            assert notes.observations[0].facts["code"] == 1045

        assert mariadb.errors_of(CLIENT) == 0

    async def test_demands_tls(self, mariadb):
        """A server that wants TLS gets a finished handshake too."""
        mariadb.sql("SET GLOBAL require_secure_transport=ON")
        try:
            for _ in range(8):
                seen = await ask_service("mysql", mariadb.port, source=CLIENT)
        finally:
            mariadb.sql("SET GLOBAL require_secure_transport=OFF")

        assert seen.failure is None
        assert mariadb.errors_of(CLIENT) == 0

    async def test_host_denied(self, mariadb):
        """A host without any user is turned away in place of the greeting (1130)."""
        seen = await ask_service("mysql", mariadb.port, source=UNKNOWN)

        assert seen.failure is Failure.CLIENT_DENIED
        assert (seen.facts["code"], seen.facts["sees_client"], seen.facts["phase"]) == (1130, UNKNOWN, "greeting")
        assert "is not allowed to connect" in seen.facts["message"]

    async def test_host_blocked(self, mariadb):
        """What careless probes do to a client is recognised (1129); it is what all the care is for."""
        attempts = 0
        while not await self.blocks_a_careless_one(mariadb.port):
            attempts += 1
            assert attempts < 20
        seen = await ask_service("mysql", mariadb.port, source=CARELESS)

        assert mariadb.errors_of(CARELESS) >= 5
        assert seen.failure is Failure.CLIENT_BLOCKED
        assert (seen.facts["code"], seen.facts["sees_client"]) == (1129, CARELESS)
        assert "is blocked because of many connection errors" in mariadb.login(CARELESS)

    async def blocks_a_careless_one(self, port):
        """Read the greeting and hang up; whether there was an error in its place."""
        stream = await stream_to(port, CARELESS)
        first = await stream.read_exactly(5, 5.0)
        await stream.close()
        return first[4] == 0xFF


@pytest.mark.parametrize("service", ["postgresql", "hologres"])
async def test_postgresql(postgresql, service):
    """One byte says that it is there."""
    seen = await ask_service(service, postgresql)

    assert seen.failure is None
    assert (seen.facts["bytes_out"], seen.facts["bytes_in"], seen.facts["spoke"]) == (8, 1, service)


async def test_zookeeper(zookeeper):
    """The version is learnt."""
    seen = await ask_service("zookeeper", zookeeper)

    assert seen.failure is None
    assert seen.facts["version"].startswith("3.")


class TestRedis:
    """Each with the options of the case."""

    async def test_answers(self):
        """PONG."""
        with service_servers.redis() as port:
            seen = await ask_service("redis", port)

        assert seen.failure is None
        assert (seen.facts["spoke"], seen.facts["phase"]) == ("redis", "reply")
        assert "code" not in seen.facts

    async def test_wants_a_password(self):
        """A server that wants a password has answered."""
        with service_servers.redis("--requirepass", "secret") as port:
            seen = await ask_service("redis", port)

        assert seen.failure is None
        assert seen.facts["code"] == "NOAUTH"

    async def test_full(self):
        """One client more than it admits."""
        with service_servers.redis("--maxclients", "1") as port:
            first = await stream_to(port)
            await first.write(b"PING\r\n", 5.0)
            await first.read(100, 5.0)
            seen = await ask_service("redis", port)
            await first.close()

        assert seen.failure is Failure.TOO_MANY_CONNECTIONS
        assert seen.facts["message"] == "ERR max number of clients reached"


@pytest.mark.parametrize(
    ("declared", "failure", "phase"),
    [
        ("redis", Failure.EOF, "reply"),
        ("kafka", Failure.EOF, "reply"),
        ("hive-metastore", Failure.EOF, "reply"),
        ("mysql", Failure.TIMED_OUT, "greeting"),
    ],
)
async def test_zookeeper_at_another_service(zookeeper, declared, failure, phase):
    """A server that does not understand the question is never taken for the right one."""
    seen = await ask_service(declared, zookeeper, within=0.3)

    assert (seen.failure, seen.facts["phase"], seen.facts["bytes_in"]) == (failure, phase, 0)
