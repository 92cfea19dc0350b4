"""How old a kept run is, whatever the clock was set to.

A clock that leaps forward must not make everything old at once, and one that is set back must not keep it for ever. So
age is counted in steps, from one kept run to the next, and a step counts as no less than nothing and as no more than a
day: a run grows older only as others are kept.
"""

import sqlite3

_LONGEST_STEP = 86_400.0


def advance(connection: sqlite3.Connection, clock: float) -> float:
    """Count the time since the last run was kept; seconds since the store was begun."""
    row = connection.execute("SELECT seconds, clock FROM age").fetchone()
    if row is None:
        connection.execute("INSERT INTO age (seconds, clock) VALUES (0, ?)", (clock,))
        return 0.0
    seconds: float = row[0] + min(max(clock - row[1], 0.0), _LONGEST_STEP)
    connection.execute("UPDATE age SET seconds = ?, clock = ?", (seconds, clock))
    return seconds


def now(connection: sqlite3.Connection) -> float:
    """The age of the store itself, in the same count."""
    row = connection.execute("SELECT seconds FROM age").fetchone()
    return float(row[0]) if row else 0.0
