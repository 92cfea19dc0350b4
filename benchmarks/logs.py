"""How fast logs are read: ``linkdoctor explain`` beside ``grep -c`` over the same words of trouble, in seconds of CPU.

grep only counts lines; explain cuts records, names endpoints and counts errors. What both do is pass over the rest of
the log, and that is done here by one regular expression of Python's re, in which a step costs what several cost in
grep's automaton: hence the goal for a healthy log. In the log of a failed job one record in fifty is a trace.
"""

import random
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from agent.logs.records import OTHERS, USUAL
from benchmarks.measure import LINKDOCTOR, CannotRun, Result, cost_of, median_cpu

_SIZE = 64 << 20
_TIMES = 3

_HEALTHY = """26/11/23 03:{0:02}:{1:02} INFO TaskSetManager: Starting task {2}.0 in stage 7.0 (TID {2}) (worker-{1})
26/11/23 03:{0:02}:{1:02} INFO BlockManagerInfo: Added broadcast_{2}_piece0 in memory on 10.1.2.{1}:43211 (size: 7 KiB)
26/11/23 03:{0:02}:{1:02} INFO MemoryStore: Block broadcast_{2} stored as values in memory (estimated size 12.5 KiB)
"""
_FAILED = """26/11/23 03:{0:02}:{1:02} WARN DFSClient: Failed to connect to /10.10.2.{1}:50010, add to deadNodes
org.apache.hadoop.net.ConnectTimeoutException: 60000 millis timeout while waiting for channel to be ready for connect. \
ch : java.nio.channels.SocketChannel[connection-pending remote=/10.10.2.{1}:50010]
\tat org.apache.hadoop.net.NetUtils.connect(NetUtils.java:534)
\tat org.apache.hadoop.hdfs.DFSClient.newConnectedPeer(DFSClient.java:3530)
\tat org.apache.hadoop.hdfs.BlockReaderFactory.nextTcpPeer(BlockReaderFactory.java:838)
"""


def run() -> Iterator[Result]:
    """See the module."""
    grep = shutil.which("grep")
    if grep is None:
        raise CannotRun("there is no grep")
    words = [argument for word in USUAL + OTHERS for argument in ("-e", re.escape(word).replace(r"\ ", " "))]
    with TemporaryDirectory() as folder:
        empty = Path(folder, "empty.log")
        empty.write_bytes(b"")
        start = median_cpu(LINKDOCTOR, "explain", str(empty), times=_TIMES)
        for what, share, goal in (("healthy log", 0.0, 10.0), ("failed job's log", 0.02, 20.0)):
            log = Path(folder, "job.log")
            _write(log, share)
            ours = median_cpu(LINKDOCTOR, "explain", str(log), times=_TIMES) - start
            theirs = _grep(grep, *words, str(log))
            speed = log.stat().st_size / 1e6
            yield Result(
                what=f"explain / grep -c, {what}",
                measured=ours / theirs,
                goal=goal,
                detail=f"{speed / ours:.0f} MB/s / {speed / theirs:.0f} MB/s of CPU",
            )


def _grep(grep: str, *arguments: str) -> float:
    """The best of a few. Into a file: where its output goes to /dev/null, grep stops at the first line it finds."""
    with TemporaryDirectory() as folder:
        script = ["sh", "-c", 'out=$1; shift; "$@" > "$out"', "sh", str(Path(folder, "count")), grep, "-c", "-E"]
        return min(cost_of(*script, *arguments, accept=(0, 1)).cpu for _ in range(_TIMES))


def _write(path: Path, share: float) -> None:
    """A log in which so many of the records are those of failed connections."""
    chosen = random.Random(4)
    with path.open("w") as file:
        while file.tell() < _SIZE:
            file.writelines(
                (_FAILED if chosen.random() < share else _HEALTHY).format(
                    chosen.randrange(60), chosen.randrange(60), chosen.randrange(100_000)
                )
                for _ in range(10_000)
            )
