"""The tables, and how an older file becomes one of today.

A migration is a script that takes the version before to its own; none is ever changed once it was released. The
version is the number of them that a file has seen (``PRAGMA user_version``).

- ``run`` has a row a run: what lists need. ``seen`` holds the verdict on every target, one byte each (BIT of
  reports/history.py) at the place of the target's slot, compressed: 2,000 healthy targets are 20 bytes. ``report``:
  NONE, PLAIN, or NOTABLE (a verdict changed there, or in the run after it). ``aged``: see age.py.
- ``report`` has the reports themselves, apart: a list never reads them.
- ``hour`` has the same bytes, of all runs of one hour together (or), so that a month is 720 rows and not 86 million.
- ``event`` has the changes. ``target`` says how each target stands, so that a run writes of its targets only those
  that changed.
- ``plan``: ``settled``, the newest run whose verdict is not open; ``bad``, the newest that was worse than the one
  settled before it, which is ``good``. ``pinned`` are these runs: retention.py leaves them.
"""

APPLICATION = 0x6C6B6472  # "lkdr", in the header of the file (PRAGMA application_id)

NONE, PLAIN, NOTABLE = range(3)

_FIRST = """
CREATE TABLE plan (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    newest INTEGER,
    settled INTEGER,
    settled_verdict INTEGER,
    good INTEGER,
    bad INTEGER
);
CREATE TABLE run (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    plan INTEGER NOT NULL REFERENCES plan (id),
    started REAL NOT NULL,
    duration_s REAL NOT NULL,
    verdict INTEGER NOT NULL,
    partial INTEGER NOT NULL,
    kind TEXT NOT NULL,
    host TEXT NOT NULL,
    targets INTEGER NOT NULL,
    broken INTEGER NOT NULL,
    seen BLOB NOT NULL,
    report INTEGER NOT NULL,
    aged REAL NOT NULL
);
CREATE INDEX run_of_plan ON run (plan);
CREATE INDEX run_by_time ON run (plan, started);
CREATE INDEX run_by_report ON run (report, number);
CREATE TABLE report (
    run INTEGER PRIMARY KEY REFERENCES run (number),
    text BLOB NOT NULL
);
CREATE TABLE target (
    id INTEGER PRIMARY KEY,
    plan INTEGER NOT NULL REFERENCES plan (id),
    slot INTEGER NOT NULL,
    name TEXT NOT NULL,
    address TEXT NOT NULL,
    verdict INTEGER NOT NULL,
    cause TEXT NOT NULL,
    since REAL NOT NULL,
    run INTEGER NOT NULL,
    from_start INTEGER NOT NULL,
    UNIQUE (plan, name),
    UNIQUE (plan, slot)
);
CREATE TABLE event (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES run (number),
    target INTEGER NOT NULL REFERENCES target (id),
    before INTEGER NOT NULL,
    after INTEGER NOT NULL,
    cause_before TEXT NOT NULL,
    cause TEXT NOT NULL
);
CREATE INDEX event_of_run ON event (run);
CREATE INDEX event_of_target ON event (target);
CREATE TABLE hour (
    plan INTEGER NOT NULL REFERENCES plan (id),
    hour INTEGER NOT NULL,
    seen BLOB NOT NULL,
    PRIMARY KEY (plan, hour)
) WITHOUT ROWID;
CREATE TABLE outbound (
    id INTEGER PRIMARY KEY,
    plan INTEGER NOT NULL REFERENCES plan (id),
    way TEXT NOT NULL,
    address TEXT NOT NULL,
    first REAL NOT NULL,
    last REAL NOT NULL,
    look INTEGER NOT NULL
);
CREATE INDEX outbound_of_plan ON outbound (plan, way, look);
CREATE VIEW pinned AS
    SELECT newest AS number FROM plan
    UNION SELECT good FROM plan WHERE good IS NOT NULL
    UNION SELECT bad FROM plan WHERE bad IS NOT NULL;
CREATE TABLE age (
    seconds REAL NOT NULL,
    clock REAL NOT NULL
);
"""

MIGRATIONS = (_FIRST,)
