"""What a sweep means: from the state of each address to observations, and from these to networks again.

    survey = Survey(order, "syn", plan.networks)      # while it is swept
    survey.take(batch)
    notes.add(...)                                    # each of survey.observations(started, duration)

    for network in swept(run):                        # of any report, in whatever order its observations are
        print(network.name, summary(network))

This package travels in the carry-in kit: CPython 3.7, attrs alone.
"""

PROBE = "subnet"
