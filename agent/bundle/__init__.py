"""What to upload so that linkdoctor runs inside a job, and the statements that run it there.

Nothing here touches the network or the platform: a bundle is values, and a folder where it is written out.
"""

from collections.abc import Mapping
from typing import Literal

from attrs import field, frozen


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
