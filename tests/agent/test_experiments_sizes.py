"""When an experiment is made: what fills a way is alone on it."""

from agent import experiments
from reports.rules.contract import Want


def test_what_fills_a_way_comes_last_and_alone():
    """Two transfers would share what they measure, and a series of handshakes would wait behind them."""
    first, second = (Want("throughput", "transfer", name) for name in ("oss", "elasticsearch"))
    quiet = [Want("path", "hop", "oss"), Want("mtu", "sized", "oss")]

    assert [quiet, [first], [second]] == list(experiments.in_turn([first, quiet[0], second, quiet[1]]))
