"""Facts of a document, which may be anything: whoever reads them knows those that a run writes down."""

from contextlib import contextmanager
from typing import Iterator

from reports.words import visible


class OddFactsError(ValueError):
    """An observation lacks a fact, or has something in its place, that every run writes down."""


@contextmanager
def as_written() -> Iterator[None]:
    """What works in it on a document's facts, and finds them otherwise, ends with OddFactsError."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        odd = "%s %s" % (type(error).__name__, visible(str(error)))
        raise OddFactsError("its observations are not as a run writes them down (%s)" % odd) from error
