"""Parquet, by pyarrow: a large dependency that nothing else needs, so it is an extra."""

from collections.abc import Iterator
from io import BufferedReader

from agent.ingest.lines import Item, Torn, seekable
from agent.ingest.values import column
from reports.words import visible

# A row may hold a megabyte of a report's text.
_ROWS_AT_ONCE = 64


class Absent(Exception):
    """pyarrow is not installed."""


def items(stream: BufferedReader, name: str) -> Iterator[Item]:
    """A row for each row, read in batches. Raises Absent."""
    try:
        # An extra, and slow to import; it comes without types.
        from pyarrow import ArrowException  # type: ignore[import-untyped]  # noqa: PLC0415
        from pyarrow.parquet import ParquetFile  # type: ignore[import-untyped]  # noqa: PLC0415
    except ImportError:
        raise Absent(f"{name} is Parquet, which takes pyarrow: pip install 'linkdoctor[parquet]'") from None
    place = visible(name)
    number = 0
    with seekable(stream) as file:
        try:
            for batch in ParquetFile(file).iter_batches(batch_size=_ROWS_AT_ONCE):
                names = [column(field) for field in batch.schema.names]
                for values in zip(*(batch.column(index).to_pylist() for index in range(len(names))), strict=True):
                    number += 1
                    yield Item(f"{place}: row {number}", dict(zip(names, values, strict=True)))
        except ArrowException as error:
            yield Item(f"{place}: row {number + 1}", Torn(f"the rest of the Parquet file cannot be read: {error}"))
