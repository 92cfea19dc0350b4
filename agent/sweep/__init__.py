"""`linkdoctor sweep`: which addresses of a network answer, at which ports and by which sign.

    asked.py     what was typed, and what of it is refused      records.py   a line for each answer, as it comes
    outcome.py   carried out by the engines of probes/sweep     result.py    a report, as of any check

Nothing here needs an event loop, and what only says what was found is loaded when it was found.
"""
