"""Bytes that are nearly right, for everything that reads bytes from outside: `python -m tests.fuzz [NAME...]`.

A NAME is a target or how its name begins; without one all have their share of the time. What a reader must not do is
told once, and the bytes that made it do so are kept: put them under tests/fuzz/cases/TARGET/ with what mends it, and
the tests read them for ever.
"""

import argparse
import secrets
import sys
import time
from pathlib import Path

from tests.fuzz.campaign import Told, run
from tests.fuzz.targets import TARGETS


def main() -> int:
    """Print one line a target, and what was found; 1 where something was."""
    arguments = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.partition("\n\n")[2])
    arguments.add_argument("names", nargs="*", metavar="NAME", help="all without one; see --list")
    arguments.add_argument("--minutes", type=float, default=60.0, help="for all of them together")
    arguments.add_argument("--seed", default=secrets.token_hex(4), help="what changes are drawn from")
    arguments.add_argument("--keep", type=Path, default=Path("fuzz-findings"), help="the folder for what is found")
    arguments.add_argument("--list", action="store_true", help="print the names, and end")
    options = arguments.parse_args()
    chosen = [name for name in TARGETS if not options.names or name.startswith(tuple(options.names))]
    if options.list:
        print("\n".join(TARGETS))
        return 0
    if not chosen:
        sys.exit(f"no target begins with {' or '.join(options.names)}; --list names all of them")
    began = time.monotonic()
    print(f"seed {options.seed}, {len(chosen)} targets, {options.minutes:g} minutes", flush=True)
    told = Told(options.keep)
    try:
        for line in run(chosen, options.minutes * 60, options.seed, told):
            print(line, flush=True)
    except KeyboardInterrupt:
        print("ended early")
    print(f"{told.runs:,} runs in {time.monotonic() - began:.0f} s, {len(told.findings)} findings")
    return int(bool(told.findings))


if __name__ == "__main__":
    sys.exit(main())
