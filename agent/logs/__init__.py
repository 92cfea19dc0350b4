"""A failed job's log: which endpoints it names, and what happened to each. Nothing is sent, looked up or executed.

    read_logs(["driver.log", "executor.log.gz", "-"], ledger := Ledger())

Text in bytes -> blocks (reader) -> records (records) -> events (events, by the tables in patterns) -> Ledger.
Memory is bounded whatever the log holds: a block, a record, and MOST_ENDPOINTS endpoints.
"""

from collections.abc import Iterable

from agent.logs.endpoints import MOST_ENDPOINTS, Ledger
from agent.logs.events import Interpreter
from agent.logs.reader import LogError, Opened
from agent.logs.records import Records

__all__ = ["MOST_ENDPOINTS", "Ledger", "LogError", "read_blocks", "read_logs"]


def read_logs(names: Iterable[str], ledger: Ledger) -> None:
    """Enter everything that the logs say. A name is a file, plain or gzipped, or ``-``. Raises LogError."""
    for name in names:
        with Opened(name) as log:
            read_blocks(log, ledger)
            ledger.add_log(log.shown, log.size, log.broken)


def read_blocks(blocks: Iterable[bytes], ledger: Ledger) -> None:
    """Enter what one log says; the blocks hold whole lines."""
    interpreter, records = Interpreter(), Records()
    for record in records.of(blocks):
        ledger.enter(interpreter.interpret(record), record)
    if records.spark:
        ledger.runtimes.add("spark")
