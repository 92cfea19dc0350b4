"""odpscmd, as far as ``odpscmd -f FILE`` takes a bundle's statements: runs the function for real, prints the table."""

import re
import sys
import tempfile
from pathlib import Path

from tests.odps_udf import Worker, parsed


def main(file):
    """Run the statements one after the other; raises for any that would have failed."""
    resources, functions = {}, {}
    statements = re.sub(r"(?m)^--.*$", "", Path(file).read_text()).split(";\n")
    for statement in filter(None, map(str.strip, statements)):
        if added := re.fullmatch(r"add (py|archive) (\S+)", statement):
            resources[added[2]] = (added[1], Path(added[2]).read_bytes())
        elif created := re.fullmatch(r"create function (\w+) as '([\w.]+)' using '(\S+)'", statement):
            functions[created[1]] = (created[2], {name: resources[name] for name in created[3].split(",")})
        elif dropped := re.fullmatch(r"drop (function|resource) (\S+)", statement):
            del (functions if dropped[1] == "function" else resources)[dropped[2]]
        elif statement.startswith("SELECT "):
            name, columns, tasks = parsed(statement + ";")
            with tempfile.TemporaryDirectory() as folder:
                _, rows = Worker(Path(folder)).run(*functions[name], tasks)
            show(columns, rows)
        else:
            assert re.fullmatch(r"set [\w.]+=.*", statement), statement
    assert (resources, functions) == ({}, {}), "something was left behind"


def show(columns, rows):
    """The table as odpscmd prints it: cells padded to ten characters or the title, and never cut."""
    widths = [max(10, len(column)) for column in columns]
    rule = "+".join(["", *("-" * (width + 2) for width in widths), ""])
    table = [columns, *(["NULL" if cell is None else str(cell) for cell in row] for row in rows)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in table
    ]
    print("\n".join([rule, lines[0], rule, *lines[1:], rule]))


if __name__ == "__main__":
    main(sys.argv[sys.argv.index("-f") + 1])
