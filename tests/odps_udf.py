"""Runs a function of MaxCompute for real, as the platform does.

Its resources are in the working directory of a process of its own, archives unpacked under ``work/<resource name>/``,
and nothing can be imported but the standard library and ``odps.udf``, which is the one that PyODPS ships.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

# CPython 3.7, which is what the platform has, where there is one.
PYTHON = os.environ.get("LINKDOCTOR_PYTHON37", sys.executable)

_RUNNER = """
import importlib, json, sys
sys.path[:0] = ["", sys.argv[1]]
from odps.udf import get_annotation
module, name = sys.argv[2].split(".")
cls = getattr(importlib.import_module(module), name)
rows = []
function = cls()
function.forward = lambda *row: rows.append(row)
for task in json.load(sys.stdin):
    function.process(task)
function.close()
json.dump({"types": get_annotation(cls).partition("->")[2].split(","), "rows": rows}, sys.stdout)
"""

_PYTHON_TYPES = {"string": str, "bigint": int, "double": (float, int)}


class Failed(Exception):
    """The function raised; the text is its traceback."""


class Worker:
    """One process of a job: unpacks, runs, can be killed."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._process = None
        self._killed = False
        self._lock = threading.Lock()

    def run(self, class_type, resources, tasks):
        """The types of the function's columns, and the rows that it gives for the tasks."""
        place, library = self._folder / "job", self._folder / "platform"
        _place_resources(place, resources)
        _place_platform(library)
        (self._folder / "runner.py").write_text(_RUNNER)
        command = [PYTHON, "-I", "-S", self._folder / "runner.py", library, class_type]
        with self._lock:
            if self._killed:
                return (), ()
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
            self._process = subprocess.Popen(command, cwd=place, env={}, text=True, **pipes)
        out, errors = self._process.communicate(json.dumps(tasks))
        if self._process.returncode:
            raise Failed(errors)
        answer = json.loads(out)
        for row in answer["rows"]:
            _check(row, answer["types"])
        return answer["types"], answer["rows"]

    def kill(self):
        """End the process, now or before it begins."""
        with self._lock:
            self._killed = True
            if self._process is not None:
                self._process.kill()


def _place_resources(place, resources):
    place.mkdir(parents=True)
    for name, (type_, content) in resources.items():
        if type_ == "archive":
            zipfile.ZipFile(BytesIO(content)).extractall(place / "work" / name)
        else:
            (place / name).write_bytes(content)


def _place_platform(library):
    source = Path(find_spec("odps").origin).parent
    (library / "odps" / "udf").mkdir(parents=True)
    (library / "odps" / "__init__.py").touch()
    for name in ("counters.py", "udf/runtime.py"):
        shutil.copy(source / name, library / "odps" / name)
    (library / "odps" / "udf" / "__init__.py").write_text("from .runtime import *\n")


def _check(row, types):
    """The platform takes only what was declared."""
    if len(row) != len(types):
        raise Failed("%d values for %d columns" % (len(row), len(types)))
    for value, type_ in zip(row, types, strict=True):
        if value is not None and not isinstance(value, _PYTHON_TYPES[type_]):
            raise Failed("%r is no %s" % (value, type_))


def parsed(query):
    """Of the one kind of query that is understood: the function, its columns, and its tasks, as SQL would see them."""
    query = " ".join(query.splitlines())
    match = re.fullmatch(r"SELECT (\w+)\(task\) AS \(([^)]*)\) FROM \(SELECT (.*) AS task.*\) t;", query, re.DOTALL)
    function, columns, expression = match.groups()
    literals = [_unescaped(text) for text in re.findall(r"'((?:[^'\\]|\\.)*)'", expression)]
    if len(literals) == 1:
        return function, tuple(columns.split(", ")), literals
    instances = int(re.search(r"SPACE\((\d+)\)", query)[1]) + 1
    return function, tuple(columns.split(", ")), [str(n).join(literals[:2]) for n in range(instances)]


def _unescaped(literal):
    return re.sub(r"\\(.)", r"\1", literal)
