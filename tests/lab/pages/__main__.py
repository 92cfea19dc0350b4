"""Write docs/causes/: `python -m tests.lab.pages [--fresh] [CODE...]`.

What linkdoctor prints is kept where a page holds it already, so that times do not change with every writing; --fresh
asks the lab again.
"""

import argparse
import sys

from reports.causes import CAUSES
from tests.lab.harness import ROOT, Lab, LabUnavailableError
from tests.lab.pages.page import index, kept, page
from tests.lab.pages.shown import Example, WrongExampleError, example, networks

FOLDER = ROOT / "docs" / "causes"


def main() -> int:
    """One page a cause, and their index; 1 where an example is not the truth."""
    arguments = argparse.ArgumentParser(prog="python -m tests.lab.pages", description=__doc__)
    arguments.add_argument("codes", nargs="*", metavar="CODE", help="causes; default: all")
    arguments.add_argument("--fresh", action="store_true", help="ask the lab again")
    options = arguments.parse_args()
    unknown = [code for code in options.codes if code not in CAUSES]
    if unknown:
        arguments.error(f"no such cause: {', '.join(unknown)}")
    FOLDER.mkdir(exist_ok=True)
    wrong = 0
    try:
        with Lab() as lab:
            for code in options.codes or CAUSES:
                wrong += not _written(lab, code, options.fresh)
    except LabUnavailableError as error:
        sys.exit(f"the lab cannot be built here: {error}")
    (FOLDER / "README.md").write_text(index())
    if not options.codes:
        for old in FOLDER.glob("*.md"):
            if old.stem not in CAUSES and old.name != "README.md":
                old.unlink()
    return 1 if wrong else 0


def _written(lab: Lab, code: str, fresh: bool) -> bool:
    path = FOLDER / f"{code}.md"
    shown = networks(code)
    told = kept(path.read_text()) if path.exists() else Example()
    if shown and (fresh or told.network != shown[0].name):
        try:
            told = example(lab, code)
        except WrongExampleError as error:
            print(error, file=sys.stderr)
            return False
    path.write_text(page(code, told))
    return True


if __name__ == "__main__":
    sys.exit(main())
