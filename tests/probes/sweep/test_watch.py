"""Whether the network still answers as it did, and what is called silent meanwhile."""

from probes.sweep.watch import Known, Watch
from reports.sweep import OPEN, REFUSED, Answer, Batch


def answers(*cells, state=OPEN):
    """A batch of these."""
    return Batch([Answer(cell, state) for cell in cells])


def watching(in_vain=2):
    """A watch that knows of 1 that it answers."""
    known = Known()
    known.learn(answers(1))
    return Watch(known, in_vain)


def handed_out(watch, count=600):
    """Which cells the watch asks by itself, after so many others."""
    chunks = list(watch.chunks(iter([range(100, 100 + 256)] * (count // 256))))
    return [chunk for chunk in chunks if len(chunk) == 1]


def after(watch, *batches):
    """What comes of these."""
    return list(watch.over(iter(batches)))


def test_who_answered_is_asked_again():
    """Now and then, one of them."""
    assert handed_out(watching()) == [[1]]
    assert handed_out(Watch(Known())) == []


def test_silence_is_kept_back_until_somebody_answers():
    """And who was asked for that alone is no news."""
    watch = watching()
    handed_out(watch)
    kept, settled = after(watch, Batch((), (7, 8)), answers(1))

    assert not any(kept)
    assert (list(settled.answers), sorted(settled.silent)) == ([], [7, 8])
    assert not watch.alarm


def test_where_nobody_answers_silence_is_silence():
    """There is nobody to ask."""
    assert after(Watch(Known()), Batch((), (7,))) == [Batch((), [7], ())]


def test_alarm():
    """Two in a row who do not answer any more: nothing else is asked, and nothing is called silent."""
    watch = watching()
    for _ in range(2):
        assert handed_out(watch) == [[1]]
        (batch,) = after(watch, Batch((), (1, 5)))
        assert not any(batch)

    assert watch.alarm
    assert sorted(watch.unsure) == [5, 5]
    assert handed_out(watch) == []
    # One that comes too late takes nothing back: what was not handed out meanwhile is still to be asked.
    after(watch, answers(1))
    assert watch.alarm


def test_one_lost_packet_is_no_alarm():
    """Who answers the next time takes the suspicion away."""
    watch = watching()
    for said in (Batch((), (1,)), answers(1), Batch((), (1,)), answers(1)):
        handed_out(watch)
        after(watch, said)

    assert not watch.alarm


def test_what_this_machine_cannot_send_is_in_vain_too():
    """A table of connections that is full lets nothing out."""
    watch = watching(in_vain=1)
    handed_out(watch)
    (batch,) = after(watch, Batch((), (), (1,)))

    assert watch.alarm
    assert not any(batch)


def test_only_answers_of_hosts_are_remembered():
    """Who sent an ICMP error may be anybody."""
    known = Known()
    known.learn(answers(1, 2, state="f"))
    known.learn(answers(3, state=REFUSED))

    assert known.cells == [3]


def test_few_are_remembered():
    """However many there are."""
    known = Known()
    for cell in range(10_000):
        known.learn(answers(cell))

    assert len(known.cells) == 32
    assert max(known.cells) > 1000
    assert len(known.some(5)) == 5
