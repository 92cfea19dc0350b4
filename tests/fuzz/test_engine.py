"""The search itself: it finds what it is there to find, ends what does not end, and does the same again."""

import inspect
import itertools
import json
from random import Random

import pytest

from probes.contract import observed
from reports.certificate import Certificate, CertificateError, read
from reports.failures import Failure
from reports.recognise import recognise
from tests.fuzz import der, jsons, limits
from tests.fuzz.engine import Search, Target, keep
from tests.fuzz.judging import Unsound, shape_of
from tests.fuzz.mutate import LONGEST, Mutator
from tests.fuzz.passes import Passes, unwatched
from tests.fuzz.peers import ENDLESS, TURN, Conversation, conversation
from tests.fuzz.targets import web

_SEED = b"\x00\x05hello\x00\x05world"


@pytest.fixture(scope="module", autouse=True)
def _nothing_ends_the_tests():
    """A run that hangs ends its process, and only while there is one."""
    yield
    limits.done()


def findings(read, **named):
    """What a search of some seconds at most finds first."""
    search = Search("planted", Target(read=read, seeds=[_SEED], **named), "1")
    return search, next(search.over(60), None)


def test_a_crash_is_found_and_made_short(tmp_path):
    """A length that is believed breaks a reader; what is kept is hardly more than that length."""

    def read(data):
        if len(data) > 1:
            data[2 + data[1]]

    _, found = findings(read)

    assert found.problem.startswith("IndexError")
    assert found.place.endswith("test_engine.py:%d" % (read.__code__.co_firstlineno + 2))
    assert len(found.data) <= 3
    assert found.data == keep(found, tmp_path).read_bytes()


def test_a_hang_is_ended():
    """A reader that goes on and on is ended from within, whatever it catches."""

    def read(data):
        while data != _SEED:
            try:
                sum(range(1000))
            except Exception:  # noqa: BLE001, S112 - what the limit must get through
                continue

    _, found = findings(read, seconds=0.05)

    assert found.problem.startswith("Hang")


def test_memory_is_bounded():
    """A reader that takes what it is promised, and not what is there, is found."""

    def read(data):
        return len(bytearray(int.from_bytes(data[:1], "big") << 20)) > 0

    _, found = findings(read, megabytes=16)

    assert found.problem.startswith("Bloat")


def test_each_finding_once():
    """A reader that breaks in one place is told of once, however often it breaks; the search goes on behind it."""

    def read(data):
        if len(data) % 2:
            raise ValueError(data)
        if b"\xff" in data:
            raise KeyError(data)

    search = Search("planted", Target(read=read, seeds=[_SEED]), "1")

    assert {"ValueError", "KeyError"} == {one.problem.partition(":")[0] for one in itertools.islice(search.over(60), 2)}


def test_the_same_seed_makes_the_same_bytes():
    """Two searches with one seed read the same bytes in the same order; one with another does not."""
    heard = {}
    for number, seed in enumerate("aab"):
        random = Random(seed)
        mutator = Mutator(random, (TURN,))
        heard[number] = [mutator.of(_SEED, [_SEED]) for _ in range(200)]

    assert heard[0] == heard[1] != heard[2]
    assert max(map(len, heard[0])) <= LONGEST
    assert len(set(heard[0])) > 150


def test_what_leads_on_is_changed_further():
    """Four words in a row are found by going from one on: all four at once come once in a billion times."""

    def read(data):
        right = next((place for place in range(4) if data[place : place + 1] != b"lead"[place : place + 1]), 4)
        assert right < 4
        return right

    _, found = findings(read, words=(b"l", b"e", b"a", b"d"))

    assert found.problem.startswith("AssertionError")
    assert b"lead" == found.data


def test_lines_that_are_passed():
    """The lines of the readers count, those of the tests and what is told of what was read do not."""
    with Passes() as passes:
        recognise(b"SSH-2.0-x")
        with unwatched():
            Certificate(subject="", issuer="", names=(), not_before=0, not_after=0, self_signed=True)

    assert {inspect.getsourcefile(recognise)} == {file for file, _ in passes.seen}
    assert len(passes.seen) > 3


def test_der_stays_der():
    """A certificate of which one element is changed still has true lengths: it is read, or refused for what it says."""
    (good, *_) = [path.read_bytes() for path in sorted(web._SEEDS.glob("*.der"))]
    said = set()
    for seed in range(300):
        try:
            read(der.reshape(Random(seed), good))
        except CertificateError as error:
            said.add("cut off" in str(error))

    assert good == der._written(der._read(good, 0))
    assert False in said


def test_json_stays_json():
    """A document of which one value is changed is one still."""
    document = json.dumps({"a": [1, {"b": "c"}], "d": None}).encode()

    assert all(json.loads(jsons.reshape(Random(seed), document)) is not Ellipsis for seed in range(300))
    assert len({jsons.reshape(Random(seed), document) for seed in range(300)}) > 50


def test_a_conversation():
    """Its turns are said in pieces, which together are the turn; it ends as its first byte says."""
    for how in range(256):
        said = Conversation.of(bytes((how, 7)) + b"hello" + TURN + b"world")
        assert [b"hello", b"world"] == [b"".join(turn) for turn in said.turns]
    assert ENDLESS == Conversation.of(conversation(b"", b"x", end=ENDLESS)).end


@pytest.mark.parametrize(
    ("failure", "facts"),
    [
        (Failure.UNKNOWN, {}),
        (Failure.NO_MEMORY, {}),
        (None, {"x": None}),
        (None, {"x": ["a"]}),
        (None, {"x": b"a"}),
        (None, {"x": "a" * 301}),
        (None, {"x": float("nan")}),
        (None, {"x": 1 << 64}),
    ],
)
def test_what_no_observation_may_be(failure, facts):
    """A shortage that a peer has caused, and a fact that is no short scalar, are findings."""
    good = observed("service", "exchange", "t", "10.0.0.1:1", Failure.EOF, 0.0, 0.0, {"x": "a" * 300})

    assert shape_of([good])
    with pytest.raises(Unsound):
        shape_of([observed("service", "exchange", "t", "10.0.0.1:1", failure, 0.0, 0.0, facts)])
