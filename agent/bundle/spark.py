"""The bundle that runs a check in a Spark application, on MaxCompute and anywhere else.

What stands in ``spark-defaults.conf`` is what the plan declares, and what "Spark on MaxCompute" documents for Python.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import field, frozen

from agent.bundle import BundleError, write_files
from agent.bundle.archive import kit_files, zip_of
from reports.document import plan_dumps
from reports.maxcompute.settings import KNOWN, read, written
from reports.model import Plan

KIT, PLAN, FILE = "linkdoctor_kit.zip", "linkdoctor_plan.json", "linkdoctor_spark.py"
CONFIGURATION, COMMAND, README = "spark-defaults.conf", "submit.sh", "README.md"

_HERE = Path(__file__).parent

_RESOURCES = "odps.cupid.resources"
_PYTHON = "public.python-3.7.9-ucs4.tar.gz"
_PYTHON_PATH = f"./{_PYTHON}/python-3.7.9-ucs4/bin/python3"
# The last PySpark for that Python.
_LAST_FOR_PYTHON = (3, 4)
# Stands where the name of the user's own project belongs.
_PROJECT = "PROJECT"

_COMMAND = """\
#!/bin/sh -e
# What stands before -- goes to spark-submit, what stands behind it to linkdoctor:
#     ./submit.sh --master spark://HOST:7077 -- --output result.json
cd "$(dirname "$0")"
count=$# before=1
while [ $count -gt 0 ]; do
    argument=$1; shift; count=$((count - 1))
    if [ $before = 1 ] && [ "$argument" = -- ]; then before=0; set -- "$@" linkdoctor_spark.py
    else set -- "$@" "$argument"; fi
done
[ $before = 0 ] || set -- "$@" linkdoctor_spark.py
exec "${SPARK_HOME:+$SPARK_HOME/bin/}spark-submit" --py-files linkdoctor_kit.zip --files linkdoctor_plan.json "$@"
"""

_README = """\
# linkdoctor in a Spark job: {name}

`linkdoctor_spark.py` is what is submitted, `linkdoctor_kit.zip` the program (Python 3.7 and later, nothing to install),
`linkdoctor_plan.json` what is checked. The driver checks, then every executor; the result is one JSON document.

## Spark on MaxCompute

1. Upload `linkdoctor_kit.zip` and `linkdoctor_plan.json` as resources of your project.
2. Copy the lines of `spark-defaults.conf` to the configuration that your job is submitted with, in place of the same
   keys, and put your project's name where it says {project}.
3. Submit `linkdoctor_spark.py` in the way in which your job is submitted, in cluster mode.

The result stands at the end of the driver's standard output. `--rows PATH` writes it where Spark writes to.

## Any other Spark

    ./submit.sh --master spark://HOST:7077 -- --output result.json

Submit it as your job is submitted, so that its executors are where those of the job are.

## In a session that exists already

    import sys
    sys.path.insert(0, "linkdoctor_kit.zip/linkdoctor_kit")
    from agent.spark import check
    result = check(spark, open("linkdoctor_plan.json").read())
    print(result.text())
"""


@frozen(kw_only=True)
class SparkBundle:
    """Everything that runs the check of a plan in a Spark application: files by their name."""

    files: Mapping[str, bytes] = field(repr=False)


def build(plan: Plan, *, project: str | None = None, wheels: Path | None = None) -> SparkBundle:
    """The bundle for a plan. Equal plans and kits give equal bundles, to the byte.

    ``project``: where the resources will be, in MaxCompute. ``wheels``: see wheels.files. Raises BundleError and
    WheelsError.
    """
    owner = project or _PROJECT
    texts = {
        FILE: (_HERE / "spark_resource.py").read_text(),
        PLAN: plan_dumps(plan) + "\n",
        CONFIGURATION: "\n".join(_configuration(plan, owner)) + "\n",
        COMMAND: _COMMAND,
        README: _README.format(name=plan.name, project=f"`{owner}`"),
    }
    return SparkBundle(files={KIT: zip_of(kit_files(wheels)), **{name: text.encode() for name, text in texts.items()}})


def write(bundle: SparkBundle, folder: Path) -> list[Path]:
    """Write the files; their paths. Raises BundleError before it would replace another file."""
    return write_files(bundle.files, folder)


def _configuration(plan: Plan, project: str) -> Iterator[str]:
    """Lines of spark-defaults.conf for Spark on MaxCompute."""
    declared = read(plan.settings, plan.region).values
    yield "# For Spark on MaxCompute. What the plan declares:"
    for key in sorted(KNOWN):
        if key in declared and key != _RESOURCES and written(key).startswith("spark."):
            yield _line(written(key), declared[key].value)
    version = read(plan.settings).spark
    resources = declared[_RESOURCES].value.strip(" ,").split(",") if _RESOURCES in declared else []
    if not resources and (version is None or version <= _LAST_FOR_PYTHON):
        yield "# Python, and what was uploaded (resources land in the working folder of driver and executors):"
        resources = [_PYTHON]
        yield _line("spark.pyspark.python", _PYTHON_PATH)
    else:
        yield "# What was uploaded, beside the job's own; spark.pyspark.python stays what it is for the job:"
    own = [f"{project}.{KIT}", f"{project}.{PLAN}"]
    yield _line(written(_RESOURCES), ",".join(dict.fromkeys([*resources, *own])))
    yield _line("spark.executorEnv.PYTHONPATH", ".")
    yield _line("spark.yarn.appMasterEnv.PYTHONPATH", ".")


def _line(key: str, value: str) -> str:
    """A line of Java's properties: a backslash begins an escape there."""
    text = value.strip()
    if not text.isprintable():
        raise BundleError(f"settings.{key}: what is not printable cannot stand in a line of {CONFIGURATION}")
    return f"{key} = {text}".replace("\\", "\\\\")
