"""The picture of a saturation, as a terminal shows it."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from reports.curve import curves
from reports.failures import Failure
from reports.render.curve import draw
from tests.reports import ramps
from tests.reports.building import seen

CAP = """\
     needs 120 ┤································\u00d7···························\u00d7···
     limit 100 ┤╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌▁▂▃▃▄▄▄▄▄╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌▁▂▂▃▄▄▄▄▄
               │                       ▂▃▅▇█████████              ▁▂▄▆▇█████████
               │                  ▁▃▄▆██████████████         ▂▃▄▆▇██████████████
            50 ┤             ▁▃▄▆▇██████████████████▆▆▆▆▆▆▆▇████████████████████
               │       ▁▃▄▅▇████████████████████████████████████████████████████
               │▁▂▃▄▆▇██████████████████████████████████████████████████████████
             0 └┬──────────────┬───────────────┬───────────────┬───────────────┬
                0 s            2 s             4 s             6 s
 answer 2.4 ms ┤
             0 ┤█████████████████████████████████          ██████████████████
                \u00d7 refused
"""

FAR = """\
  needs 12,000 ↑············\u00d7·························\u00d7·····
      limit 16 ┤╌╌╌╌╌╌╌╌╌╌▂▄▄▄▄▄▄▄▄╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌▂▄▄▄▄▄▄▄
               │        ▂▆█████████               ▁▅████████
            10 ┤      ▂▆███████████              ▄██████████
               │    ▃▇█████████████▆▆▆▆▆▆▆▆▆▆▆▆▆▇███████████
               │  ▃▇████████████████████████████████████████
               │▄███████████████████████████████████████████
             0 └┬─────────────┬──────────────┬─────────────┬
                0 s           1 s            2 s
connect 0.8 ms ┤
             0 ┤████████████                    ██████
                \u00d7 refused
"""

MOVING = """\
               │                                    \u00d7
               │░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░▂▃▄▄▄▄▄░░░░░░░░░░░░░░░░░░░░
     needs 100 ┤····························▁▃▅▆████████················\u00d7···
      limit 80 ┤╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌▁▂▃▅▆█████████████╌╌╌╌╌╌╌╌╌╌▁▂▃▅▅▅▅▅▅▅
            50 ┤                ▁▂▃▅▆▇██████████████████▆▆▆▆▆▆▆▆▇███████████
               │         ▁▂▃▄▆▇█████████████████████████████████████████████
               │▁▂▃▃▄▅▆▇████████████████████████████████████████████████████
             0 └┬───────────────┬────────────────┬────────────────┬─────────
                0 s             2 s              4 s              6 s
connect 0.8 ms ┤
             0 ┤█████████████████████████████████████          ██████████
                \u00d7 refused
"""

RATE = """\
               │
               │                          ▂▄▄
            40 ┤       \u00d7            ▁▂▄▅▇████
            20 ┤    ▂▂▂▂▂▂▁▁▁▁▂▃▄▅▇██████████
               │▂▄▆██████████████████████████         \u00d7              \u00d7              \u00d7
             0 └┬────────────────────────┬────────────────────────┬───────────────────────
                0 s                      5 s                      10 s
  offered 40/s ┤  ▁▁▁▂▂▂                    ▄▄▄▄▄▄▄▄▄▄▄    ▄▄▄▄▄▄▄▄▄▄▄    ▄▄▄▄▄▄▄▄▄▄▄
             0 ┤████████      ▅▅▅▅▅▆▆▆▆▆▆▇▇▇███████████    ███████████    ███████████
connect 0.8 ms ┤
             0 ┤██████        ███████████████
                \u00d7 refused
"""

KNEE = """\
   allowed 200 ↑┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈!
               │                                                           ▁▁▂▃▄
               │                                                  ▁▂▃▃▄▅▆▇██████
            50 ┤                                       ▁▁▂▃▄▄▅▆▇████████████████
               │                            ▁▂▂▃▄▄▅▆▇▇██████████████████████████
               │               ▁▁▂▃▃▄▄▅▆▆▇██████████████████████████████████████
               │▁▁▂▂▃▃▄▄▅▅▆▆▇███████████████████████████████████████████████████
             0 └┬───────────────────┬────────────────────┬────────────────────┬─
                0 s                 1 s                  2 s
 answer 115 ms ┤                                                       ▃▃▃▃█████
             0 ┤▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▇▇▇▇█████████
                ! stopped
"""

HARMLESS = """\
               │
     needs 320 ┤······················································
               │
   allowed 200 ┤┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈▁▂▂▃▄
               │                                     ▁▁▂▂▃▄▅▅▆▇▇██████
           100 ┤                       ▁▁▂▂▃▃▄▄▅▅▆▇▇██████████████████
               │▁▁▁▁▂▂▂▃▃▃▄▄▄▅▅▅▆▆▇▇██████████████████████████████████
             0 └┬─────────────────┬─────────────────┬─────────────────
                0 s               2 s               4 s
connect 0.8 ms ┤
             0 ┤██████████████████████████████████████████████████████
"""

HARMFUL = """\
               │
   allowed 200 ┤┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈
               │                                           !
               │                                        ▁▂▃▄
           100 ┤                             ▁▁▂▃▃▄▅▆▇██████
            50 ┤                 ▁▂▂▃▃▄▅▅▆▆▇████████████████
               │▁▁▁▂▂▃▃▄▄▅▅▆▆▇▇█████████████████████████████
             0 └┬────────────────────┬────────────────────┬─
                0 s                  2 s
 answer 6.0 ms ┤
             0 ┤████████████████████████████████████████████
                ! stopped
"""

ASCII = """\
               |                           x                       x
     limit 100 +-------------------------......------------------.....
               |                     ..:#######             ..:#######
               |                 .::###########        ..::###########
      needs 50 +============..:################::::::#################
               |       ..::###########################################
               |...::#################################################
             0 ++-------------+--------------+-------------+----------
                0 s           2 s            4 s           6 s
connect 0.8 ms +
             0 +############################         ###############
                x refused
"""


def drawn(observations, width, **options):
    """The picture without colour."""
    return "\n".join(line.plain for line in draw(curves(observations)[ramps.TARGET], width, **options)) + "\n"


@pytest.mark.parametrize(
    ("observations", "width", "need", "expected"),
    [
        pytest.param(ramps.capped(answer_s=0.0012), 80, 120, CAP, id="a limit, and a job that needs more"),
        pytest.param(ramps.capped(16, 64, sign="reset"), 60, 12000, FAR, id="a job that needs far more"),
        pytest.param(ramps.moving(), 76, 100, MOVING, id="a limit that moves"),
        pytest.param(ramps.limited_rate(), 90, None, RATE, id="a limited rate"),
        pytest.param(ramps.queueing(), 80, None, KNEE, id="slower and slower answers"),
        pytest.param(ramps.harmless(), 70, 320, HARMLESS, id="nothing found"),
        pytest.param(ramps.harmful(), 60, None, HARMFUL, id="held ones die"),
    ],
)
def test_pictures(observations, width, need, expected):
    """What was held rises, marks stand where some failed, limit and need are lines, and latency is below."""
    assert drawn(observations, width, need=need) == expected


def test_a_terminal_without_other_characters():
    """The same in ASCII."""
    text = drawn(ramps.capped(sign="reset"), 70, need=50, ascii_only=True)

    assert text == ASCII
    assert text.isascii()


@pytest.mark.parametrize("width", range(40, 130, 7))
@pytest.mark.parametrize("make", [ramps.capped, ramps.moving, ramps.limited_rate, ramps.queueing, ramps.harmful])
def test_it_fits(make, width):
    """No line is wider than the terminal, or than is pleasant, and there are few of them."""
    lines = drawn(make(), width, need=1000).splitlines()

    assert max(map(len, lines)) <= min(width, 100)
    assert len(lines) <= 12


def test_colour_adds_nothing():
    """What a terminal with colours shows has the same characters."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, color_system="truecolor", width=80)
    for line in draw(curves(ramps.moving())[ramps.TARGET], 80, need=100):
        console.print(line, soft_wrap=True)
    plain = Console(file=io.StringIO(), width=80).render_str(out.getvalue())

    assert "\x1b[" in out.getvalue()
    assert "limit 80" in plain.plain


_numbers = st.one_of(st.floats(), st.integers(-(10**30), 10**30), st.booleans(), st.text(max_size=3))
_KEYS = ("held", "tried", "refused", "ascent", "start", "rate", "offered", "handshake_s", "answer_s", "maximum")
_MORE_KEYS = ("limit", "limit_low", "limit_high", "rate_limit", "rate_low", "rate_high", "sign", "ended_by")


@given(
    st.lists(
        st.builds(
            lambda step, after, took, failed, facts: seen(
                "saturation",
                step,
                ramps.TARGET,
                ramps.ADDRESS,
                after=after,
                duration_s=took,
                failure=Failure.TIMED_OUT if failed else None,
                **facts,
            ),
            st.sampled_from(["level", "ascent", "rate", "limit", "idle", "control"]),
            st.floats(-1e6, 1e6),
            st.floats(0, 1e300),
            st.booleans(),
            st.dictionaries(st.sampled_from(_KEYS + _MORE_KEYS), _numbers),
        ),
        max_size=8,
    ),
    st.one_of(st.none(), st.integers(2, 10**12)),
)
def test_whatever_a_report_says(observations, need):
    """A picture is drawn of any observations, within its bounds."""
    for curve in curves(observations).values():
        lines = [line.plain for line in draw(curve, 80, need=need)]

        assert len(lines) <= 12
