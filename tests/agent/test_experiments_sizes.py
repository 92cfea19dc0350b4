"""When an experiment is made: what is answered at once comes first, and what fills a way is alone on it."""

from agent import experiments
from reports.rules.contract import Want


def test_what_fills_a_way_comes_last_and_alone():
    """Two transfers would share what they measure, and a series of handshakes would wait behind them."""
    first, second = (Want("throughput", "transfer", name) for name in ("oss", "elasticsearch"))
    quiet = [Want("path", "hop", "oss"), Want("mtu", "sized", "oss")]

    assert [quiet, [first], [second]] == list(experiments.in_turn([first, quiet[0], second, quiet[1]]))


def test_what_is_answered_at_once_comes_before_what_is_waited_for():
    """It may spare the others; without it nothing is put off."""
    quick, slow = Want("path", "first_hop", "mysql"), Want("path", "hop", "mysql")

    assert [quick] == experiments.quickest([slow, quick])
    assert [slow] == experiments.quickest([slow])
