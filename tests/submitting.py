"""Ways to submit to the MaxCompute of odps_server."""

import os
import subprocess
import sys
from pathlib import Path

from odps import ODPS

from agent.submit.interrupts import Interrupts
from agent.submit.job import Job, Pace
from tests.odps_server import ACCESS_ID, PROJECT, SECRET, Refusal

LINKDOCTOR = Path(sys.executable).parent / "linkdoctor"

BARE = {key: os.environ[key] for key in ("PATH", "HOME", "XDG_CACHE_HOME", "LANG") if key in os.environ}

DENIED = Refusal(403, "ODPS-0130013", "Authorization exception - You have NO privilege 'odps:CreateX' on {p}")


def entry(service):
    """PyODPS's, as a node of DataWorks has it."""
    return ODPS(ACCESS_ID, SECRET, PROJECT, endpoint=service.endpoint)


class News:
    """Keeps what is said."""

    def __init__(self):
        self.said = []

    def say(self, text):
        """Keep it."""
        self.said.append(text)

    state = say


def run(service, bundle, news=None, **pace):
    """The rows, without waiting for what does not come."""
    job = Job(
        entry(service),
        bundle,
        news or News(),
        Interrupts(),
        Pace(**{"first": 0.05, "patience": 0, "again": 0.01, **pace}),
    )
    return job.run()


def nothing_left(service):
    """Whether the project is as it was."""
    return service.resources == {} and service.functions == {}


def sent(service):
    """The rows of the job, as the function gave them."""
    (instance,) = service.instances.values()
    return [tuple(row) for row in instance.rows]


def environment(service, **more):
    """All that the command needs to know."""
    return {
        **BARE,
        "ODPS_PROJECT_NAME": PROJECT,
        "ODPS_ENDPOINT": service.endpoint,
        "ALIBABA_CLOUD_ACCESS_KEY_ID": ACCESS_ID,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": SECRET,
        **more,
    }


def command(service, *arguments, **more):
    """The command, where there is no terminal."""
    return subprocess.run(
        [LINKDOCTOR, "submit", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=environment(service, **more),
        timeout=60,
        check=False,
    )
