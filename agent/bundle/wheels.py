"""The libraries that travel with the kit: the last releases that run on CPython 3.7, as the package index has them.

They are fetched once, by pip and so from whatever index it is configured for, held to the hashes below, and kept in
the user's cache.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

from attrs import frozen


class WheelsError(Exception):
    """A library could not be had; the message says which, and what to do."""


@frozen(kw_only=True)
class Library:
    """One pure-Python release: its wheel, the wheel's SHA-256, and which of its files travel."""

    name: str
    version: str
    sha256: str
    packages: tuple[str, ...]
    without: tuple[str, ...] = ()

    @property
    def wheel(self) -> str:
        """The wheel's file name."""
        return f"{self.name}-{self.version}-py3-none-any.whl"


LIBRARIES = (
    Library(
        name="attrs",
        version="24.2.0",
        sha256="81921eb96de3191c8258c199618104dd27ac608d9366f5e35d011eae1867ede2",
        packages=("attr/", "attrs/"),
    ),
    Library(
        name="dnspython",
        version="2.3.0",
        sha256="89141536394f909066cabd112e3e1a37e4e654db00a25308b0f130bc3152eb46",
        packages=("dns/",),
        without=("dns/quic/",),
    ),
    Library(
        name="h11",
        version="0.14.0",
        sha256="e3fe4ac4b851c468cc8363d500db52c2ead036020723024a109d37346efaa761",
        packages=("h11/",),
        without=("h11/tests/",),
    ),
    # h11 needs it where `typing` has no Literal: on 3.7.
    Library(
        name="typing_extensions",
        version="4.7.1",
        sha256="440d5dd3af93b060174bf433bccd69b0babc3b15b1a8dca43789fd7f61514b36",
        packages=("typing_extensions.py",),
    ),
)


def files(folder: Path | None = None) -> Mapping[str, bytes]:
    """The libraries' modules, and their licences under ``licenses/``. ``folder``: where the wheels are; else the cache.

    Raises WheelsError.
    """
    place = folder or _cache()
    missing = [library for library in LIBRARIES if not (place / library.wheel).is_file()]
    if missing and folder is not None:
        raise WheelsError(f"{folder}: {missing[0].wheel} is not there (wanted: {_wanted()})")
    if missing:
        _download(place)
    found: dict[str, bytes] = {}
    for library in LIBRARIES:
        content = (place / library.wheel).read_bytes()
        if hashlib.sha256(content).hexdigest() != library.sha256:
            raise WheelsError(
                f"{place / library.wheel}: not what was released as {library.name} {library.version}: delete it"
            )
        with zipfile.ZipFile(BytesIO(content)) as wheel:
            for name in wheel.namelist():
                if name.startswith(library.packages) and name.endswith(".py") and not name.startswith(library.without):
                    found[name] = wheel.read(name)
                elif ".dist-info/" in name and "LICENSE" in name.upper():
                    found[f"licenses/{library.name}.txt"] = wheel.read(name)
    return found


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base, "linkdoctor", "wheels")


def _download(place: Path) -> None:
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WheelsError(f"{place}: cannot be made: {error.strerror}; name a folder of wheels with --wheels") from None
    with tempfile.TemporaryDirectory(dir=place) as folder:
        wanted = Path(folder, "requirements.txt")
        wanted.write_text(
            "".join(f"{library.name}=={library.version} --hash=sha256:{library.sha256}\n" for library in LIBRARIES)
        )
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        flags = ["--only-binary=:all:", "--python-version=3.7", "--require-hashes", "--dest", folder, "-r", str(wanted)]
        done = subprocess.run([*pip, *flags], capture_output=True, text=True, check=False)  # noqa: S603 - our own pip
        if done.returncode:
            reason = done.stderr.strip().splitlines()[-1:] or ["pip failed"]
            raise WheelsError(
                f"the kit's libraries could not be downloaded: {reason[0]}\n"
                f"On a machine that can: pip download --no-deps {_wanted()}; then name the folder with --wheels"
            )
        for library in LIBRARIES:
            Path(folder, library.wheel).replace(place / library.wheel)


def _wanted() -> str:
    return " ".join(f"{library.name}=={library.version}" for library in LIBRARIES)
