"""linkdoctor in a Spark job: why this job cannot reach something. spark-submit runs this file; see --help.

It finds the kit and the plan beside it, in the working folder, or in Python's path: wherever the platform has put them.
"""

import sys
from pathlib import Path
from typing import Iterator


def _found(name: str) -> Iterator[Path]:
    """Whatever is called so, with the name of a project in front or without it."""
    for folder in (Path(__file__).resolve().parent, Path.cwd(), *map(Path, sys.path)):
        if folder.name.endswith(name):
            yield folder
        elif folder.is_dir():
            yield from sorted(folder.glob("*" + name))


def _first(name: str) -> Path:
    return next(_found(name), Path(name))


if __name__ == "__main__":
    # The archive, or the folder where it was unpacked.
    sys.path.insert(0, str(_first("linkdoctor_kit.zip") / "linkdoctor_kit"))

    from agent.spark.submit import main

    sys.exit(main(plan=str(_first("linkdoctor_plan.json"))))
