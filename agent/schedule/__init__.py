"""Plans that are run again and again: when, which of their targets, and what is made of what they find.

    schedule = Schedule(log, tally, host=...)
    await schedule.begin(plans)                 # they run from now on
    await schedule.replace(plans)               # others instead: of targets that stay, what is known stays
    schedule.states()                           # a PlanState each
    await schedule.stop()                       # within seconds; runs that go on are ended properly

Pure: `timing.py` when a plan is run, `settling.py` which verdict is in force, `patience.py` who is asked less often,
`judging.py` what of a run counts, `clock.py` whether dates do, `state.py` what is known of a plan. The rest waits and
does: `watch.py` one plan, `schedule.py` all of them, `turns.py` runs and single probes of a plan one after the other,
`single.py` one target when somebody asks, `keeper.py` the way to the store, `lag.py` how late the event loop comes.
"""

from agent.schedule.schedule import Schedule

__all__ = ["Schedule"]
