"""In which order cells are asked, and how many neighbours the kernel is made to know."""

from ipaddress import ip_address
from itertools import pairwise

from probes.sweep import feed
from probes.sweep.feed import Feed, Lookup, Neighbours, neighbours_of
from probes.sweep.near import Near
from reports.sweep import ECHO, Addresses, Order, tcp


def of(*cidrs, ports=(80, 81)):
    """An order, and the marks of its cells."""
    order = Order(addresses=Addresses.of(*cidrs), questions=tuple(map(tcp, ports)))
    return order, bytearray(len(order))


def test_every_cell_once():
    """All questions of all addresses, each of one question at a time, and no address twice in a row."""
    order, marks = of("10.0.0.0/23", "10.9.0.0/30", ports=(80, 81, 82))
    chunks = list(Feed(order, range(3), marks).chunks(0))
    cells = [cell for chunk in chunks for cell in chunk]

    assert sorted(cells) == list(range(len(order)))
    assert all(len({cell % 3 for cell in chunk}) == 1 for chunk in chunks)
    assert not any(first // 3 == second // 3 for first, second in pairwise(cells))


def test_only_what_is_wanted():
    """Cells that are marked as wanted, of the engine's own questions."""
    order, marks = of("10.0.0.0/28")
    marks[:] = b"\1" * len(marks)
    marks[4] = marks[5] = marks[9] = 0
    chunks = Feed(order, (1,), marks)

    assert [list(chunk) for chunk in chunks.chunks(0)] == [[5, 9]]
    assert (chunks.count(0), chunks.count(1)) == (2, 14)


def test_how_many_are_below():
    """Addresses of several ranges are counted up to any address, whether it is one of them or not."""
    addresses = Addresses.of("10.0.0.8/30", "10.0.0.16/31", "10.9.0.0/32")

    for address in range(int(ip_address("10.0.0.0")), int(ip_address("10.0.0.32"))):
        assert addresses.below(address) == sum(each < address for each in addresses)
    assert addresses.below(int(ip_address("10.9.0.1"))) == len(addresses)


def test_blocks_of_a_share():
    """Blocks that are taken off a queue, and none else."""
    order, marks = of("10.0.0.0/22", ports=(80,))
    chunks = list(Feed(order, (0,), marks).chunks(0, iter((3, 1))))

    assert [(chunk[0], len(chunk)) for chunk in chunks] == [(768, 256), (256, 256)]


NEAR = Near(((int(ip_address("10.0.0.0")), int(ip_address("10.0.3.255"))),))


def test_neighbours_are_few(monkeypatch):
    """Beyond half of what the kernel's table holds the next block waits, and is not given up."""
    now = [100.0]
    monkeypatch.setattr(feed.time, "monotonic", lambda: now[0])
    order = Order(addresses=Addresses.of("10.0.0.0/22"), questions=(ECHO,))
    chunks = Feed(order, (0,), bytearray(len(order)), Neighbours(NEAR, 512)).chunks(0)
    first = [next(chunks), next(chunks), next(chunks)]
    now[0] += 7.0
    later = next(chunks)

    assert [chunk[0] for chunk in first[:2]] == [0, 256]
    assert first[2] is None
    assert later[0] == 512


def test_only_neighbours_wait():
    """What is behind a gateway needs none."""
    order = Order(addresses=Addresses.of("10.0.2.0/23", "10.7.0.0/22"), questions=(ECHO,))
    chunks = Feed(order, (0,), bytearray(len(order)), Neighbours(NEAR, 256)).chunks(0)

    assert next(chunks)[0] == 0
    assert next(chunks) is None
    far = Feed(order, (0,), bytearray(len(order)), Neighbours(NEAR, 256)).chunks(0, iter((2, 3, 4, 5)))
    assert [chunk[0] for chunk in far] == [512, 768, 1024, 1280]


def test_questions_share_neighbours():
    """The second question to a block needs none that the first did not."""
    neighbours, (first, _) = Neighbours(NEAR, 256), NEAR.ranges[0]

    assert neighbours.admit(7, first, first + 255)
    assert neighbours.admit(7, first, first + 255)
    assert not neighbours.admit(8, first + 256, first + 256)


def test_few_neighbours_need_not_wait():
    """The kernel knows those of a /24 at once, also where they are part of a large network that is behind a gateway."""
    small = Near(((int(ip_address("10.0.1.0")), int(ip_address("10.0.1.255"))),))
    large = Near(((int(ip_address("10.0.0.0")), int(ip_address("10.15.255.255"))),))
    addresses = Addresses.of("10.0.0.0/12")

    assert small.count(addresses) == 256
    assert neighbours_of(addresses, small) is None
    assert neighbours_of(addresses, large) is not None


def test_lookup():
    """Cells and addresses, there and back; what is not asked is nowhere."""
    order, _ = of("10.0.0.0/30", "10.0.0.9", "10.0.0.12/31")
    lookup = Lookup(order)
    cells = range(1, len(order), 2)
    addresses = list(lookup.addresses(cells))

    assert [str(ip_address(address)) for address in addresses] == [
        *("10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3"),
        *("10.0.0.9", "10.0.0.12", "10.0.0.13"),
    ]
    for address, cell in zip(reversed(addresses), reversed(cells), strict=True):
        assert lookup.finds(address)
        assert lookup.first <= address <= lookup.last
        assert lookup.start + (address - lookup.first) * lookup.step + 1 == cell
    assert not any(lookup.finds(int(ip_address(other))) for other in ("9.9.9.9", "10.0.0.4", "10.0.0.14"))
