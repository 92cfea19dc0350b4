"""What to upload so that linkdoctor runs inside a job, and the statements that run it there.

Nothing here touches the network or the platform: a bundle is values, and a folder where it is written out.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from attrs import field, frozen


class BundleError(Exception):
    """No bundle can be made of the plan, or written; the message says why."""


@frozen(kw_only=True)
class Resource:
    """A resource of MaxCompute: its name in the project, its type, and its bytes."""

    name: str
    type: Literal["py", "archive", "file"]
    content: bytes = field(repr=False)


@frozen(kw_only=True)
class Function:
    """A function of MaxCompute: ``class_type`` is MODULE.CLASS of its ``py`` resource."""

    name: str
    class_type: str
    resources: tuple[str, ...]


@frozen(kw_only=True)
class UdfBundle:
    """Everything that runs the check of a plan in a SQL UDF.

    ``settings`` are the flags of the session, sent as ``set KEY=VALUE;`` or as hints; ``query`` gives the rows of
    reports/rows.py. All names hold ``tag``, so that nothing that exists is overwritten.
    """

    tag: str
    resources: tuple[Resource, ...]
    functions: tuple[Function, ...]
    settings: Mapping[str, str]
    query: str


def write_files(files: Mapping[str, bytes], folder: Path) -> list[Path]:
    """Write files by their name, scripts executable; their paths. Raises BundleError before it replaces another."""
    paths = {folder / name: content for name, content in files.items()}
    for path, content in paths.items():
        if path.exists() and path.read_bytes() != content:
            raise BundleError(f"{path}: is there already, and is another file: name another --output")
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in paths.items():
        path.write_bytes(content)
        if path.suffix == ".sh":
            path.chmod(0o755)
    return list(paths)
