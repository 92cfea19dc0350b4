"""What a task runs on an executor, where nothing of ours can be imported yet: its source travels, and pyspark is there.

The kit stays private: its modules are importable only while it runs, and nothing that the job itself has imported under
the same names is used or lost. Nothing is written, and nothing stays in the path.
"""

import io
import json
import sys
import time
import types
import zipfile
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from typing import Any, Dict, Iterator, List, Optional, Tuple

# The stage, the task, and the report; None where nothing was measured.
Given = Tuple[int, int, Optional[str]]


class Kit(Loader):
    """The kit's modules, importable inside ``with``. ``content``: a zip with all of it in one folder."""

    def __init__(self, content: bytes) -> None:
        self._archive = zipfile.ZipFile(io.BytesIO(content))
        self._files = {name.partition("/")[2]: name for name in self._archive.namelist() if name.endswith(".py")}
        self._tops = frozenset(name.partition("/")[0].partition(".")[0] for name in self._files)
        # They are kept for the next task of this process, under a name that is nobody's.
        name = "linkdoctor_kit_%d" % hash(content)
        self._kept = sys.modules.setdefault(name, types.ModuleType(name)).__dict__.setdefault("modules", {})
        self._others: Dict[str, Any] = {}

    def __enter__(self) -> None:
        self._others = self._taken_out()
        sys.modules.update(self._kept)
        sys.meta_path.insert(0, self)

    def __exit__(self, *_: object) -> None:
        sys.meta_path.remove(self)
        self._kept.update(self._taken_out())
        sys.modules.update(self._others)

    def find_spec(self, name: str, *_: object) -> Optional[ModuleSpec]:
        """See importlib.abc.MetaPathFinder."""
        for ending, package in (("/__init__.py", True), (".py", False)):
            file = self._files.get(name.replace(".", "/") + ending)
            if file is not None:
                return spec_from_loader(name, self, origin=file, is_package=package)
        return None

    def create_module(self, spec: ModuleSpec) -> None:  # noqa: ARG002 - the loader's interface
        """See importlib.abc.Loader: the usual one."""
        return

    def exec_module(self, module: types.ModuleType) -> None:
        """See importlib.abc.Loader."""
        file = str(module.__spec__ and module.__spec__.origin)
        exec(compile(self._archive.read(file), file, "exec"), module.__dict__)  # noqa: S102 - our own modules

    def _taken_out(self) -> Dict[str, Any]:
        names = [name for name in sys.modules if name.partition(".")[0] in self._tops]
        return {name: sys.modules.pop(name) for name in names}


def run(elements: Iterator[str], kit: bytes) -> List[Given]:
    """The task. Its one element is JSON: a ticket (agent/spark/measure.py), and for how many seconds a copy waits."""
    from pyspark import TaskContext  # noqa: PLC0415 - there is no pyspark outside Spark

    task: Any = TaskContext.get()
    ticket, hold = json.loads(next(iter(elements)))
    text = None
    if task.attemptNumber():
        # What the first attempt may do it may be doing still, wherever it is.
        time.sleep(hold)
    else:
        with Kit(kit):
            from agent.spark.measure import answer  # noqa: PLC0415 - only now

            text = answer(ticket, task)
    return [(task.stageId(), task.taskAttemptId(), text)]


def run_together(elements: Iterator[str], kit: bytes) -> List[Given]:
    """One task of a barrier stage. Its one element is the ticket, the same for all of them."""
    from pyspark import BarrierTaskContext  # noqa: PLC0415 - there is no pyspark outside Spark

    task: Any = BarrierTaskContext.get()
    with Kit(kit):
        from agent.spark.saturate import answer  # noqa: PLC0415 - only now

        text = answer(next(iter(elements)), task)
    return [(task.stageId(), task.taskAttemptId(), text)]
