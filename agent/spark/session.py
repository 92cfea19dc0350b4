"""What a running Spark session says of itself: the settings in effect, and the kit that travels to its executors."""

import io
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

from attrs import evolve

from reports.maxcompute.settings import KNOWN, PROJECT_LIST, normal, read, written
from reports.model import Plan, Setting

SOURCE = "session"

# Everything of the kit lies under it, so that nothing of the job's is shadowed.
FOLDER = "linkdoctor_kit"
_PACKAGES = ("agent", "probes", "reports", "attr", "attrs", "dns", "h11", "typing_extensions")

_LONGEST_VALUE = 65536


def with_settings(plan: Plan, spark: Any) -> Tuple[Plan, List[str]]:
    """The plan with the settings that are in effect, and in words where they differ from those that it declares.

    Only keys that decide where a job may connect are ever read, and such as are like them: no credentials.
    """
    effective = dict(_settings(spark))
    if not effective:
        return plan, []  # no Spark of MaxCompute: there is nothing of its own to go by
    kept: List[Setting] = []
    notes = []
    for setting in plan.settings:
        key = normal(setting.key)
        if not written(key).startswith("spark.") or key == PROJECT_LIST:
            kept.append(setting)  # not of this session
        elif key not in effective:
            notes.append("%s is declared (%s), and not in effect in this session" % (setting.key, setting.source))
        elif effective[key].value.strip() != setting.value.strip():
            notes.append("%s is declared (%s), and has another value in this session" % (setting.key, setting.source))
    settings = (*kept, *(effective[key] for key in sorted(effective)))
    return evolve(plan, settings=settings, runtime=plan.runtime or "spark"), list(dict.fromkeys(notes))


def _settings(spark: Any) -> Iterator[Tuple[str, Setting]]:
    """Of Spark's configuration, of Hadoop's, and of the session's, the last one counts."""
    context = getattr(spark, "sparkContext", spark)
    hadoop = context._jsc.hadoopConfiguration()  # noqa: SLF001 - Spark has no other way to it from Python
    found: Dict[str, str] = {}
    for key in KNOWN:
        value = hadoop.get(key)
        if value is not None:
            found[written(key)] = str(value)
    configured = context.getConf().getAll()
    found.update((key, value) for key, value in configured if normal(key) in KNOWN or _is_misspelt(key))
    if context is not spark:
        for key in KNOWN:
            value = spark.conf.get(written(key), None)
            if value is not None:
                found[written(key)] = value
    for key, value in found.items():
        yield normal(key), Setting(key=key, value=value[:_LONGEST_VALUE], source=SOURCE)


def _is_misspelt(key: str) -> bool:
    return bool(read([Setting(key=key, value="")]).problems)


def kit() -> bytes:
    """The kit that this module is part of, as a zip: the one that it was imported from, or one made of what is here."""
    archive = next((folder.parent for folder in Path(__file__).resolve().parents if folder.name == FOLDER), None)
    if archive is not None and archive.is_file():
        return archive.read_bytes()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, path in sorted(_files()):
            made.write(str(path), "%s/%s" % (FOLDER, name))
    return buffer.getvalue()


def _files() -> Iterator[Tuple[str, Path]]:
    """Name in the kit, and path, of every module that may be needed."""
    for package in _PACKAGES:
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            continue  # typing_extensions, where Python itself has what h11 wants
        origin = Path(spec.origin)
        if not spec.submodule_search_locations:
            yield origin.name, origin
            continue
        for path in origin.parent.rglob("*.py"):
            yield path.relative_to(origin.parent.parent).as_posix(), path
