"""linkdoctor inside a MaxCompute UDF: why this job cannot reach something. This resource finds the kit and calls it.

The kit stays private: its modules are importable only while it runs, and nothing that the job itself has imported
under the same names is used or lost.
"""

from odps.udf import BaseUDTF, annotate

# --- the kit
import sys

NAMES = ("agent", "probes", "reports", "attr", "attrs", "dns", "h11", "typing_extensions")


class _Kit(object):
    """The kit's modules, importable inside ``with``. ``path``: where the platform has unpacked the archive."""

    def __init__(self, path):
        self._path = path
        self._modules = {}
        self._others = {}

    def __enter__(self):
        self._others = _taken_out()
        sys.modules.update(self._modules)
        sys.path.insert(0, self._path)

    def __exit__(self, *_):
        sys.path.remove(self._path)
        self._modules = _taken_out()
        sys.modules.update(self._others)


def _taken_out():
    found = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in NAMES}
    for name in found:
        del sys.modules[name]
    return found


_KIT = _Kit("work/linkdoctor_kit.zip/linkdoctor_kit")
# ---


@annotate("string->string")
class Report(object):
    """linkdoctor(task): the report as JSON."""

    def evaluate(self, task):
        with _KIT:
            from agent import udf

            return udf.report_of(task)


@annotate("string->COLUMNS")
class Rows(BaseUDTF):
    """linkdoctor_rows(task): a row a target and a finding, then the report in parts."""

    def process(self, task):
        with _KIT:
            from agent import udf

            rows = list(udf.rows_of(task))
        for row in rows:
            self.forward(*row)
