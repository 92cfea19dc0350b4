"""What ``linkdoctor bundle`` does: from a plan's file to a folder to upload."""

from pathlib import Path

import click

from agent.bundle import wheels as libraries
from agent.bundle.udf import BundleError, build, write
from agent.commands import plan_for


def udf(plan: str, folder: str, *, wheels: str | None, instances: int, single: bool) -> list[Path]:
    """Write the bundle of a plan for a SQL UDF; the files."""
    declared = plan_for([plan])
    try:
        bundle = build(declared, instances=instances, single=single, wheels=Path(wheels) if wheels else None)
        return write(bundle, Path(folder))
    except (BundleError, libraries.WheelsError) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from None
