import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0.0 ms"),
        (0.0004, "0.4 ms"),
        (0.00994, "9.9 ms"),
        (0.00996, "10 ms"),
        (0.012, "12 ms"),
        (0.9996, "1.0 s"),
        (3.24, "3.2 s"),
        (59.96, "1 min"),
        (125, "2 min 5 s"),
        (5400, "1 h 30 min"),
        (3600, "1 h"),
    ],
)
def test_seconds(value, text):
    """Two digits that matter, in the unit that a person would take; never 1000 ms or 60.0 s."""
    assert text == words.seconds(value)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([0.0003, 0.0005], "0.3 to 0.5 ms"),
        ([0.5, 0.0002, 1.5], "0.2 ms to 1.5 s"),
        ([0.0004, 0.00041], "0.4 ms"),
        ([1.5, 90], "1.5 s to 1 min 30 s"),
    ],
)
def test_span(values, text):
    """The shortest and the longest, the unit once where it is the same."""
    assert text == words.span(values)


@pytest.mark.parametrize(("value", "text"), [(0, "0 %"), (0.001, "1 %"), (0.78, "78 %"), (0.999, "99 %"), (1, "100 %")])
def test_share(value, text):
    """Nothing uncertain is said to be certain."""
    assert text == words.share(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1 byte"),
        (512, "512 bytes"),
        (1448, "1.4 kB"),
        (9960, "10 kB"),
        (125_000, "125 kB"),
        (999_999, "1.0 MB"),
        (2.5e9, "2.5 GB"),
    ],
)
def test_size(value, text):
    """By thousands, two digits that matter; a rate is the same by the second."""
    assert (text, text + "/s") == (words.size(value), words.rate(value))


def test_moment():
    """To the second, in UTC, and says so."""
    assert words.moment(1795507200.9) == "2026-11-24 08:00:00 UTC"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["datanode1", "datanode2", "datanode3", "oss"], ["datanode1-3", "oss"]),
        (["w08", "w09", "w10", "w12"], ["w08-10", "w12"]),
        (["w9", "w10"], ["w9-10"]),
        (["w1", "w1"], ["w1", "w1"]),
        (["10.0.0.1", "10.0.0.2"], ["10.0.0.1", "10.0.0.2"]),
        (["a", "", "7", "8"], ["a", "", "7", "8"]),
    ],
)
def test_ranges(names, expected):
    """Neighbours that count up are put together; addresses are not, nor what skips one."""
    assert expected == words.ranges(names)


def test_listed():
    """The first three, and how many more."""
    names = [f"n{number}" for number in range(300)]

    assert words.listed(names) == "n0, n1, n2 and 297 more"


@given(st.text(st.characters()))
def test_what_is_visible_cannot_be_obeyed(text):
    """Every character that is left can be printed; what could be printed is as it was."""
    visible = words.visible(text)

    assert visible.isprintable()
    assert not text.isprintable() or visible == text


@pytest.mark.parametrize(
    ("text", "visible"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b", "\\x9b"),
        ("\u202e\u2066\u200b\ufeff", "\\u202e\\u2066\\u200b\\ufeff"),
        ("\u2028\r\n\t", "\\u2028\\r\\n\\t"),
        ("\udc80", "\\udc80"),
        ("caf\u00e9 \u963f\u91cc", "caf\u00e9 \u963f\u91cc"),
    ],
)
def test_visible(text, visible):
    """C0, C1, overrides, zero-width, line ends and surrogates become escapes; other scripts stay."""
    assert visible == words.visible(text)
