"""What ``linkdoctor bundle`` does: from a plan's file to a folder to upload."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from agent.bundle import BundleError
from agent.bundle import spark as of_spark
from agent.bundle import udf as of_udf
from agent.bundle.wheels import WheelsError
from agent.commands import plan_for


def udf(plan: str, folder: str, *, wheels: str | None, instances: int, single: bool) -> list[Path]:
    """Write the bundle of a plan for a SQL UDF; the files."""
    declared = plan_for([plan])
    with errors_for_people():
        bundle = of_udf.build(declared, instances=instances, single=single, wheels=_folder(wheels))
        return of_udf.write(bundle, Path(folder))


def spark(plan: str, folder: str, *, wheels: str | None, project: str | None) -> list[Path]:
    """Write the bundle of a plan for Spark; the files."""
    declared = plan_for([plan])
    with errors_for_people():
        return of_spark.write(of_spark.build(declared, project=project, wheels=_folder(wheels)), Path(folder))


def _folder(name: str | None) -> Path | None:
    return Path(name) if name else None


@contextmanager
def errors_for_people() -> Iterator[None]:
    """What keeps a bundle from being made or written, as ClickException."""
    try:
        yield
    except (BundleError, WheelsError) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from None
