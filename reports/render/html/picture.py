"""The way to a target as a drawing: stations in a row where there is room, and else one below the other."""

from attrs import frozen

from reports.render.html.path import Station, Way

# Pixels. The wide picture fills a card where it can; what stands below a station needs so much of the way to the next.
_FULL, _NARROWEST, _WIDEST = 1064, 128, 190
_LINE, _DETAIL, _NOTE, _NEXT_NOTE, _MARGIN = 16, 59, 78, 93, 8
_STEP, _SPINE, _TALL_WIDTH = 44, 14, 320
RADIUS = 9
# How wide a letter is: of a title, and of a detail in the font of addresses.
_LETTER, _ADDRESS_LETTER = 7.4, 6.7
_FITTING_BESIDE = 42
# Less of a text tells nothing.
_SHORTEST = 6


@frozen(kw_only=True)
class Stop:
    """A station where it is drawn, its words as far as they fit. ``anchor``: on which side of x its note stands."""

    x: int
    y: int
    station: Station
    title: str
    detail: str
    note_y: int = 0
    anchor: str = "middle"


@frozen(kw_only=True)
class Stretch:
    """What lies between two stops."""

    x1: int
    y1: int
    x2: int
    y2: int
    state: str


@frozen(kw_only=True)
class Drawing:
    """Stops and stretches in a box of so many pixels."""

    width: int
    height: int
    stops: tuple[Stop, ...]
    stretches: tuple[Stretch, ...]


def wide(way: Way) -> Drawing:
    """Stations from left to right."""
    count, noted = len(way.stations), 0
    pitch = min(_WIDEST, max(_NARROWEST, _FULL // count))
    stops = []
    for number, station in enumerate(way.stations):
        # Notes of neighbours would run into each other on one line.
        note_y = (_NOTE, _NEXT_NOTE)[noted % 2]
        noted += bool(station.note)
        stops.append(
            Stop(
                x=pitch // 2 + number * pitch,
                y=_LINE,
                station=station,
                title=_fitted(station.title, int(pitch / _LETTER)),
                detail=_fitted(station.detail, int(pitch / _ADDRESS_LETTER) - 1),
                note_y=note_y,
                anchor=_anchor(number, count),
            )
        )
    height = (_DETAIL, _NOTE, _NEXT_NOTE)[min(noted, 2)] + _MARGIN
    return Drawing(width=pitch * count, height=height, stops=tuple(stops), stretches=_stretches(stops, way))


def tall(way: Way) -> Drawing:
    """Stations from above to below."""
    stops = [
        Stop(
            x=_SPINE,
            y=_STEP // 2 + number * _STEP,
            station=station,
            title=_fitted(station.title, _FITTING_BESIDE),
            detail=_fitted(station.detail, max(0, _FITTING_BESIDE - len(station.title))),
        )
        for number, station in enumerate(way.stations)
    ]
    return Drawing(width=_TALL_WIDTH, height=_STEP * len(stops), stops=tuple(stops), stretches=_stretches(stops, way))


def _stretches(stops: list[Stop], way: Way) -> tuple[Stretch, ...]:
    return tuple(
        Stretch(
            x1=before.x + (RADIUS if before.y == after.y else 0),
            y1=before.y + (RADIUS if before.x == after.x else 0),
            x2=after.x - (RADIUS if before.y == after.y else 0),
            y2=after.y - (RADIUS if before.x == after.x else 0),
            state=state,
        )
        for before, after, state in zip(stops, stops[1:], way.links, strict=False)
    )


def _anchor(number: int, count: int) -> str:
    """A long note at either end stays within the picture."""
    if number == 0 and count > 1:
        return "start"
    return "end" if number == count - 1 and count > 1 else "middle"


def _fitted(text: str, room: int) -> str:
    """The beginning and the end of what is too long: both of an address tell something."""
    if len(text) <= room:
        return text
    if room <= _SHORTEST:
        return ""
    end = (room - 1) // 3
    return f"{text[: room - 1 - end]}\u2026{text[-end:]}"
