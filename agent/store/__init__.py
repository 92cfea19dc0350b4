"""Runs that are kept in one file: SQLite, DIR/history.db, private to its owner.

For whoever serves; nothing of it blocks the event loop, and all of it may be awaited at once:

    store = await AsyncStore.open(folder / NAME, retention=Retention(age_s=30 * DAY, size=1 << 30), tell=log)
    await store.keep(report)                    # on the disk when it returns: neither kill -9 nor a power cut loses it
    await store.keep(report, held={"metastore": "failing"})       # the verdicts in force, where runs are smoothed
    await store.ask(Store.last, plan)           # the newest report, for what a run leaves to the next (agent/state.py)
    await store.ask(Store.strips, plan, since=..., until=..., most=60)      # all targets: what each bucket has seen
    await store.ask(Store.standing, plan)       # of each target the verdict in force, its cause, and since when
    await store.ask(Store.events, plan, target=..., since=..., most=50)     # changes of verdict or cause, newest first
    await store.ask(Store.runs, plan, since=..., most=50)         # a line each
    await store.ask(Store.report, run_id)       # what a run found; Store.text: its JSON
    await store.ask(Store.turn, plan, target)   # the last good and the first bad run; Store.last_good
    await store.ask(Store.outbound, plan)       # addresses under which the outside saw it, first and last
    await store.ask(page)                       # several at once: any function of a Store, run on the store's thread
    await store.close()

`Store` gives the same by plain calls. Everything raises StoreError (trouble.py) and nothing else: `Full` and `Busy`
pass by themselves, the run is not kept, older ones can be read, and the next `keep` tries again. A run is known by its
id: to keep it twice changes nothing. A damaged file is moved aside, never written over, and ``tell`` is told.

The order of runs is that in which they were kept, whatever the clock said (age.py says how they grow old);
strips and lists by time go by the clock of the runs. retention.py says what is given up, schema.py how it is laid out.
"""

from agent.store.opening import NAME
from agent.store.plain import Size, Store
from agent.store.retention import DAY, Retention
from agent.store.served import AsyncStore
from agent.store.trouble import Broken, Busy, Foreign, Full, Newer, StoreError, Unusable

__all__ = [
    "DAY",
    "NAME",
    "AsyncStore",
    "Broken",
    "Busy",
    "Foreign",
    "Full",
    "Newer",
    "Retention",
    "Size",
    "Store",
    "StoreError",
    "Unusable",
]
