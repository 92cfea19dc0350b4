"""The bundle that runs a check in a SQL UDF: an archive and a ``.py`` resource, or one ``.py`` with everything inside.

The statements, flags and limits are those of the platform's documentation on Python 3 UDFs.
"""

import base64
import hashlib
import math
import re
from collections.abc import Mapping
from inspect import getsource
from pathlib import Path
from textwrap import wrap

from agent.bundle import BundleError, Function, Resource, UdfBundle, write_files
from agent.bundle.archive import FOLDER, kit_files, zip_of
from agent.spark.remote import Kit
from reports.document import plan_dumps
from reports.maxcompute.settings import ACCESS_LIST, NETWORK_LINK, normal
from reports.model import Plan
from reports.rows import COLUMNS, NAMES

_HERE = Path(__file__).parent

# Flags that travel from the plan to the statement; anything else in it may be nobody's business.
_TAKEN = (ACCESS_LIST, NETWORK_LINK, "odps.sql.python.version", "odps.session.image")
_STATED = re.compile(r"[A-Za-z0-9_.:,*/ -]*")

# Seconds by which the platform's time-out is longer than the run's: imports, the last diagnosis, the rows.
_MARGIN = 60
# Seconds; what odps.function.timeout takes at most.
_LONGEST = 3600


def build(
    plan: Plan, *, instances: int = 1, single: bool = False, tag: str | None = None, wheels: Path | None = None
) -> UdfBundle:
    """The bundle for a plan. Equal plans and kits give equal bundles, to the byte.

    ``instances``: in how many instances of the job to check. ``single``: one resource in place of two. ``tag``: part of
    all names; derived from the content where None. ``wheels``: see wheels.files. Raises BundleError, WheelsError.
    """
    if plan.limits.deadline + _MARGIN > _LONGEST:
        raise BundleError(
            f"limits.deadline: a function may run {_LONGEST} s at most, so that a check may take {_LONGEST - _MARGIN} s"
        )
    kit = kit_files(wheels)
    source = (_HERE / "udf_resource.py").read_text()
    source = source.replace("COLUMNS", ",".join(column.type for column in COLUMNS))
    archive = zip_of(kit)
    if tag is None:
        tag = hashlib.sha256(archive + f"{source}{instances}{single}{plan_dumps(plan)}".encode()).hexdigest()[:8]
    module = f"linkdoctor_{tag}"
    resources: tuple[Resource, ...]
    if single:
        resources = (Resource(name=f"{module}.py", type="py", content=_single(source, archive).encode()),)
    else:
        unpacked = f"linkdoctor_kit_{tag}.zip"
        source = source.replace(f"work/{FOLDER}.zip/", f"work/{unpacked}/")
        resources = (
            Resource(name=f"{module}.py", type="py", content=source.encode()),
            Resource(name=unpacked, type="archive", content=archive),
        )
    names = tuple(resource.name for resource in resources)
    return UdfBundle(
        tag=tag,
        resources=resources,
        functions=(
            Function(name=module, class_type=f"{module}.Report", resources=names),
            Function(name=f"linkdoctor_rows_{tag}", class_type=f"{module}.Rows", resources=names),
        ),
        settings=_settings(plan, instances),
        query=_query(plan, f"linkdoctor_rows_{tag}", instances),
    )


def script(bundle: UdfBundle) -> str:
    """The statements for whoever runs them by hand: create, run and read, drop."""
    lines = ["-- 1. Once: upload and create. Run where the files are (odpscmd), or upload them as resources by hand."]
    lines += [f"add {resource.type} {resource.name};" for resource in bundle.resources]
    for function in bundle.functions:
        using = ",".join(function.resources)
        lines.append(f"create function {function.name} as '{function.class_type}' using '{using}';")
    lines += ["", "-- 2. Check, and read the result: all of this in one go."]
    lines += [f"set {key}={value};" for key, value in bundle.settings.items()]
    lines += [f"{bundle.query};", "", "-- 3. Save the result (CSV, or the table as it is printed), then:"]
    lines += ["--    linkdoctor ingest RESULT", "", "-- 4. Afterwards: nothing stays."]
    lines += [f"drop function {function.name};" for function in bundle.functions]
    lines += [f"drop resource {resource.name};" for resource in bundle.resources]
    return "\n".join(lines) + "\n"


def write(bundle: UdfBundle, folder: Path) -> list[Path]:
    """Write the resources and the script; the files. Raises BundleError before it would replace another file."""
    files = {resource.name: resource.content for resource in bundle.resources}
    return write_files({**files, f"linkdoctor_{bundle.tag}.sql": script(bundle).encode()}, folder)


# What the source of Kit needs, and its data.
_IMPORTS = """\
import base64
import io
import sys
import types
import zipfile
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from typing import Any, Dict, Optional
"""


def _single(source: str, archive: bytes) -> str:
    """The resource with the kit inside: unpacked in memory, as on Spark's executors."""
    head, rest = source.split("# --- the kit\n")
    _, tail = rest.split("# ---\n", 1)
    data = "\n".join(wrap(base64.b64encode(archive).decode(), 116))
    kit = f'{getsource(Kit)}\n\nDATA = """\n{data}\n"""\n_KIT = Kit(base64.b64decode(DATA))\n'
    return f"{head}{_IMPORTS}\n\n{kit}{tail}"


def _settings(plan: Plan, instances: int) -> Mapping[str, str]:
    declared = {normal(setting.key): setting.value.strip().rstrip(";") for setting in plan.settings}
    taken = {key: declared[key] for key in _TAKEN if key in declared}
    for key, value in taken.items():
        if not _STATED.fullmatch(value):
            raise BundleError(f"settings.{key}: {value[:80]!r} cannot stand in a statement: see `linkdoctor lint`")
    settings = {
        "odps.sql.python.version": "cp37",
        "odps.pypy.enabled": "false",
        "odps.isolation.session.enable": "true",
        # A row is a whole check: the time-out is one batch's.
        "odps.sql.executionengine.batch.rowcount": "1",
        "odps.function.timeout": str(math.ceil(plan.limits.deadline) + _MARGIN),
        **taken,
    }
    if instances > 1:
        settings["odps.stage.reducer.num"] = str(instances)
    return settings


def _query(plan: Plan, function: str, instances: int) -> str:
    """The statement; all that comes from the plan stands in it as a literal."""
    columns = ", ".join(NAMES)
    document = plan_dumps(plan)
    if instances == 1:
        return f"SELECT {function}(task) AS ({columns})\nFROM (SELECT {_literal(document)} AS task) t"
    head, tail = _literal('{"share":{"index":'), _literal(f',"of":{instances}}},{document[1:]}')
    return (
        f"SELECT {function}(task) AS ({columns})\nFROM (SELECT CONCAT({head}, n, {tail}) AS task\nFROM "
        f"(SELECT POSEXPLODE(SPLIT(SPACE({instances - 1}), ' ')) AS (n, s)) i DISTRIBUTE BY n) t"
    )


def _literal(document: str) -> str:
    """JSON as a literal of MaxCompute SQL, without anything that a client could split, replace, unescape or end.

    Quotes, semicolons, dollar signs and what ends XML's CDATA can only stand in JSON's strings, where an escape means
    the same.
    """
    for character in "';$>":
        document = document.replace(character, f"\\u{ord(character):04x}")
    return "'" + document.replace("\\", "\\\\") + "'"
