"""Certificates that are nearly right inside: one element is another, and all lengths around it are true again."""

from random import Random

from tests.fuzz.mutate import Mutator

# A tag, and the content: bytes, or elements.
Element = tuple[int, "bytes | list[Element]"]

_CONSTRUCTED = 0x20
_DEEPEST = 12
# Numbers without an end, long texts.
_WORDS = (b"\xff" * 3000, b"\x80" * 300, b"\xff" * 3000 + b"\x01", b"x" * 3000)


def reshape(random: Random, data: bytes) -> bytes:
    """The same elements but for one; data that is no DER is given back as it is."""
    elements = _read(data, 0)
    if not elements:
        return data
    mutator = Mutator(random, _WORDS)
    level, place = elements, random.randrange(len(elements))
    while isinstance(level[place][1], list) and level[place][1] and random.random() < 0.9:
        level = level[place][1]
        place = random.randrange(len(level))
    tag, content = level[place]
    change = random.randrange(5)
    if change == 0:
        level[place] = (random.randrange(256), content)
    elif change == 1:
        del level[place]
    elif change == 2:
        level[place:place] = [level[place]] * random.choice((1, 10, 200))
    else:
        raw = content if isinstance(content, bytes) else _written(content)
        level[place] = (tag, mutator.of(raw, [data], 20_000))
    return _written(elements)


def _read(data: bytes, depth: int) -> list[Element] | None:
    """The elements; None where it is not made of whole ones."""
    found: list[Element] = []
    while data:
        if len(data) < 2:
            return None
        tag, length, start = data[0], data[1], 2
        if length >= 0x80:
            width = length & 0x7F
            length, start = int.from_bytes(data[2 : 2 + width], "big"), 2 + width
        content, rest = data[start : start + length], data[start + length :]
        if len(content) < length:
            return None
        inner = _read(content, depth + 1) if tag & _CONSTRUCTED and depth < _DEEPEST else None
        found.append((tag, content if inner is None else inner))
        data = rest
    return found


def _written(elements: list[Element]) -> bytes:
    return b"".join(_element(tag, content) for tag, content in elements)


def _element(tag: int, content: "bytes | list[Element]") -> bytes:
    raw = content if isinstance(content, bytes) else _written(content)
    if len(raw) < 0x80:
        return bytes((tag, len(raw))) + raw
    width = (len(raw).bit_length() + 7) // 8
    return bytes((tag, 0x80 | width)) + len(raw).to_bytes(width, "big") + raw
