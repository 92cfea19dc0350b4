"""The kit as one archive: linkdoctor's own files and the libraries, under one private folder, equal to the byte."""

import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

from agent.bundle import kit, wheels

# Everything is inside it: nothing of the job's own modules is shadowed.
FOLDER = "linkdoctor_kit"

# The first moment that a zip can hold: an archive does not say when it was made.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def kit_files(folder: Path | None = None) -> Mapping[str, bytes]:
    """The kit with its libraries: names relative to FOLDER. ``folder``: see wheels.files. Raises wheels.WheelsError."""
    own = {name: (kit.ROOT / name).read_bytes() for name in kit.names()}
    return {**wheels.files(folder), **own}


def zip_of(files: Mapping[str, bytes]) -> bytes:
    """A zip of the files in FOLDER; equal files give equal bytes."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(f"{FOLDER}/{name}", _EPOCH)
            entry.external_attr = 0o644 << 16
            entry.create_system = 3  # Unix, wherever it was made
            archive.writestr(entry, files[name], zipfile.ZIP_DEFLATED, compresslevel=9)
    return buffer.getvalue()
