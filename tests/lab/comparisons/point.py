"""A check as another kind of vantage point makes it: ``python -m tests.lab.comparisons.point KIND LABELS PLAN``."""

import asyncio
import json
import os
import sys

from agent import plan as plans
from agent.runner import Runner
from reports.document import dumps

kind, labels, name = sys.argv[1:]
runner = Runner(plans.load(name), os.environ, kind=kind, labels=json.loads(labels))
print(dumps(asyncio.run(runner.run())))
