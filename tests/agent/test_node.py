"""A PyODPS node looks from itself and from inside MaxCompute."""

import asyncio
import socket

import pytest

from agent.node import check
from tests.odps_server import MaxCompute
from tests.submitting import entry


@pytest.fixture
def service(tmp_path):
    """MaxCompute, as far as PyODPS sees it."""
    with MaxCompute(tmp_path / "service") as running:
        yield running


@pytest.fixture
def address():
    """A target that answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield "127.0.0.1:%d" % server.getsockname()[1]


def test_both_ends_are_checked_and_compared(service, address, capsys):
    """Two vantage points, each under its own name, and nothing is left in the project."""
    reports = check(entry(service), [address, "127.0.0.1:1"])

    assert ["pyodps", "udf"] == [report.vantage.kind for report in reports]
    assert [{"healthy", "failing"}] * 2 == [{target.verdict for target in report.targets} for report in reports]
    assert "127.0.0.1:1" in capsys.readouterr().out
    assert (set(), set()) == (set(service.resources), set(service.functions))


async def test_a_notebook_s_running_loop_is_no_obstacle(service, address):
    """The node's check runs while the notebook's own event loop does."""
    assert asyncio.get_running_loop().is_running()
    (report,) = check(entry(service), [address], there=False)

    assert "healthy" == report.verdict
