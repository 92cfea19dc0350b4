"""A check as a UDF makes it: the bundle's files in the real ``pyou``, or in an interpreter that may do next to nothing.

``python -m tests.lab.udf FOLDER WAY`` takes plan.yaml where it stands and prints the report.
"""

import csv
import io
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from agent import plan as plans
from agent.bundle import UdfBundle, udf
from agent.cli.options import EXIT
from reports.document import loads, plan_dumps
from tests.lab.harness import PLAN, ROOT, Lab, Outcome
from tests.lab.scenario import Scenario

PYOU, SANDBOX = "pyou", "sandbox"
WAYS = (PYOU, SANDBOX)

_DRIVER = Path(__file__).with_name("sandboxed.py")
_MODULE = "linkdoctor_lab"
# The platform's /proc may hold nothing.
_WITHOUT_PROC = ("sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh")


@contextmanager
def unpacked() -> Iterator[Path]:
    """A folder as the platform prepares it: the resource, and the archive under work/."""
    bundle = udf.build(plans.from_targets(["127.0.0.1:1"]), tag="lab")
    with tempfile.TemporaryDirectory() as folder:
        place(bundle, Path(folder))
        yield Path(folder)


def place(bundle: UdfBundle, folder: Path) -> None:
    """Put the resources where a UDF finds them."""
    for resource in bundle.resources:
        if resource.type == "archive":
            zipfile.ZipFile(io.BytesIO(resource.content)).extractall(folder / "work" / resource.name)
        else:
            (folder / resource.name).write_bytes(resource.content)


def check(lab: Lab, scenario: Scenario, folder: Path, way: str) -> Outcome:
    """Check a scenario's plan in this way."""
    argv = [sys.executable, "-m", "tests.lab.udf", str(folder), way]
    return lab.outcome(
        [*_WITHOUT_PROC, *argv] if way == SANDBOX else argv,
        scenario.plan,
        scenario.vantage,
        files=scenario.files,
        env={**scenario.env, "PYTHONPATH": str(ROOT)},
        resolv_conf=scenario.resolv_conf,
        hosts=scenario.hosts,
        descriptors=scenario.descriptors,
    )


def _command(way: str) -> list[str]:
    if way == PYOU:
        return [str(Path(sys.executable).with_name("pyou")), f"{_MODULE}.Report"]
    seccomp = next(path for path in sys.path if Path(path, "pyseccomp").is_dir() or Path(path, "pyseccomp.py").exists())
    return [sys.executable, "-I", "-S", str(_DRIVER), _MODULE, seccomp]


def run(
    folder: Path, way: str, task: str, environment: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """The scalar function over one row."""
    row = io.StringIO()
    csv.writer(row).writerow([task])
    given = row.getvalue() if way == PYOU else task
    return subprocess.run(
        _command(way), input=given, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def main() -> None:
    """See the module."""
    folder, way = sys.argv[1:]
    done = run(Path(folder), way, plan_dumps(plans.load(PLAN)))
    sys.stderr.write(done.stderr)
    sys.stdout.write(done.stdout)
    sys.exit(done.returncode or EXIT[loads(done.stdout).verdict])


if __name__ == "__main__":
    main()
