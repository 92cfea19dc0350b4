"""Make the virtual environment: linkdoctor itself, editable, and the tools of development, pinned by constraints."""

import subprocess
import sys
import tomllib
import venv
from pathlib import Path


def main() -> None:
    """Install into the folder named on the command line."""
    if sys.version_info < (3, 11):
        sys.exit("linkdoctor needs Python 3.11 or later; name one with: make install PYTHON=python3.11")
    root = Path(__file__).resolve().parent.parent
    place = Path(sys.argv[1])
    tools = tomllib.loads((root / "pyproject.toml").read_text())["dependency-groups"]["dev"]
    if not (place / "bin" / "python").exists():
        venv.create(place, with_pip=True)
    pip = [place / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # What builds linkdoctor, and pyspark, which comes as source alone.
    builders = ["hatchling", "editables", "setuptools", "wheel"]
    subprocess.run([*pip, "--constraint", "constraints.txt", *builders], cwd=root, check=True)
    subprocess.run(
        [*pip, "--constraint", "constraints.txt", "--no-build-isolation", "--editable", ".", *tools],
        cwd=root,
        check=True,
    )


if __name__ == "__main__":
    main()
