"""Sets of indexes, a byte for each that there may be: the same as sets of numbers."""

from itertools import compress

from hypothesis import given
from hypothesis import strategies as st

from reports.subnet.indexes import Indexes

SIZE = 40
some = st.frozensets(st.integers(0, SIZE - 1))


def indexes(numbers):
    """These, among SIZE."""
    return Indexes(bytes(number in numbers for number in range(SIZE)))


@given(some, some)
def test_the_same_as_sets(one, other):
    """With sets of their own kind and with others, on either side; and always in ascending order."""
    ours = indexes(one)

    for others in (other, indexes(other)):
        assert (ours & others, others & ours) == (one & other, one & other)
        assert (ours | others, others | ours) == (one | other, one | other)
        assert (ours - others, others - ours) == (one - other, other - one)
        assert (ours.intersection(others), ours.difference(others)) == (one & other, one - other)
        assert (ours == others, ours <= others, ours.isdisjoint(others)) == (
            one == other,
            one <= other,
            one.isdisjoint(other),
        )
    assert list(ours) == sorted(one)
    assert (len(ours), bool(ours)) == (len(one), bool(one))
    assert [number for number in range(-2, SIZE + 2) if number in ours] == sorted(one)


@given(some, some, st.integers(0, SIZE), st.integers(0, SIZE))
def test_parts_and_neighbours(one, other, start, end):
    """How many there are in a part, who they are, and who stands before and behind it."""
    ours, inside = indexes(one), [number for number in sorted(one) if start <= number < end]

    assert (ours.count(start, end), list(ours.between(start, end))) == (len(inside), inside)
    assert ours.before(end) == max((number for number in one if number < end), default=-1)
    assert ours.behind(start) == min((number for number in one if number >= start), default=-1)
    assert list(compress(sorted(other), ours.of(indexes(other)))) == sorted(one & other)


@given(st.text("orfa.?", max_size=SIZE), st.sets(st.sampled_from("orfa.?")))
def test_where_letters_are(letters, among):
    """The places of some letters in a text."""
    assert Indexes.where(letters, among) == {place for place, letter in enumerate(letters) if letter in among}
