"""MariaDB, which blocks a host after five unfinished handshakes."""

import pytest

from tests.lab.conftest import unavailable
from tests.lab.real import missing
from tests.lab.sweep.bench import BARE, command, sweeps
from tests.lab.sweep.places import DATABASES, HERE

# Each in four ways: more than five hundred handshakes, of which five unfinished ones would do.
NETWORK, SWEEPS = "10.73.0.0/27", 4


@pytest.fixture(scope="module")
def database(ground):
    """The lab, in which MariaDB answers at every address of a network."""
    if lacking := missing("mariadb"):
        unavailable(f"not installed: {', '.join(lacking)}")
    ground.call("sweeping", action="database")
    return ground


def test_nobody_is_blocked(database):
    """Every handshake with a MySQL port is finished, so that the server counts none against us."""
    commands = {
        (method, rights): command(NETWORK, ports=(3306,), method=method, rights=rights)
        for method in ("auto", "connect")
        for rights in ((), BARE)
    }
    for _ in range(SWEEPS):
        results = sweeps(database, commands)
        assert {case: result.counts("3306") for case, result in results.items()} == {
            case: {"o": 32} for case in commands
        }

    assert database.call("sweeping", action="connect_errors") == 0


def test_the_server_does_count(database):
    """One that leaves is counted: the tests before would have seen it."""
    database.run(["bash", "-c", f"exec 3<>/dev/tcp/{DATABASES.partition('/')[0]}/3306; exec 3>&-"], HERE)

    assert database.call("sweeping", action="connect_errors") == 1
