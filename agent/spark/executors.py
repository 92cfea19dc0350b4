"""The executors of a Spark application: which there are, and one task at a time on each that is named.

    executors = Executors(context, kit)
    answer = executors.ask(executors.known()[0], ticket, within=90.0)

Every task is a job of its own: its result travels as soon as it is there, and what happens to one executor costs no
other's result. A job of one task is never run speculatively (unless ``spark.speculation.task.duration.threshold`` is
set), and is sent to its executor by a preferred location, as Spark does for cached blocks; ``Answer.executor`` says
where it was run. pyspark is what the caller has: 2.3 or later, with a JVM beside.
"""

import contextlib
import inspect
import itertools
import json
import re
import threading
import uuid
from typing import Any, Callable, Dict, Iterator, List, Optional

from attrs import frozen

from agent.spark import remote
from agent.spark.remote import Given

# Seconds that the application's own bookkeeping may lag behind a result.
_BOOKKEEPING = 10.0

# Seconds that an executor may need beside what it measures, to start Python above all.
_MARGIN = 30.0

# The first Spark whose barrier stages have allGather.
_GATHERS = 3

# What SparkContext.setJobGroup sets.
_GROUP = ("spark.jobGroup.id", "spark.job.description", "spark.job.interruptOnCancel")

# A longer text of an error says nothing more.
_LONGEST_REASON = 300
_PREAMBLE = re.compile(
    r"\AJob aborted due to stage failure: .*?most recent failure: Lost task \S+ in stage \S+ \(.*?\): "
)
# What Spark says where one task of a barrier stage fails, and with it all of them.
_TOGETHER = "failed barrier ResultStage"
_TRACEBACK = "Traceback (most recent call last):"
_RAISED = re.compile(r"[\w.]+(?:: |$)")


class Lost(Exception):
    """A task gave no answer; the message says why.

    ``ran``: it may have been run, and may even be running still, where nobody hears of it.
    """

    def __init__(self, reason: str, ran: bool = True) -> None:
        super().__init__(reason)
        self.ran = ran


@frozen
class Executor:
    """One executor: its id in the application, and its host."""

    id: str
    host: str

    def __str__(self) -> str:
        return "executor %s (%s)" % (self.id, self.host)


@frozen(kw_only=True)
class Answer:
    """What a task gave, and the executor where it ran."""

    executor: Executor
    text: str


class Executors:
    """Those of one application. ``kit`` is the carry-in kit as a zip: it travels with the tasks, and leaves nothing.

    A context manager: at its end nothing of it is left in the application.
    """

    def __init__(self, context: Any, kit: bytes) -> None:
        self._context = context
        self._kit = context.broadcast(kit)
        self._jobs: Dict[str, None] = {}
        # A speculative copy that answered early would end the one that measures.
        speculative = self._setting("spark.speculation", "false") == "true"
        self._copies = speculative and bool(self._setting("spark.speculation.task.duration.threshold", ""))

    def __enter__(self) -> "Executors":  # noqa: PYI034 - there is no typing.Self on 3.7
        return self

    def __exit__(self, *_: object) -> None:
        self.cancel()
        with contextlib.suppress(Exception):  # the application may be ending
            self._kit.destroy()

    @property
    def application(self) -> str:
        """The application's id."""
        return str(self._context.applicationId)

    @property
    def local(self) -> bool:
        """Whether the driver is all there is."""
        return bool(self._context._jsc.sc().isLocal())  # noqa: SLF001 - Spark has no other way to it from Python

    @property
    def wanted(self) -> int:
        """How many executors the application asked for; 1 where it did not say."""
        dynamic = self._setting("spark.dynamicAllocation.enabled", "false") == "true"
        key = "spark.dynamicAllocation.minExecutors" if dynamic else "spark.executor.instances"
        text = self._setting(key, "1")
        return max(1, int(text)) if text.isdigit() else 1

    def known(self) -> List[Executor]:
        """Those that are there now, in the order of their ids."""
        active = _items(self._store().executorList(True))
        found = [Executor(one.id(), one.hostPort().rpartition(":")[0]) for one in active if one.id() != "driver"]
        return sorted(found, key=lambda one: (len(one.id), one.id))

    def summon(self, within: float) -> None:
        """Have the application get its first executor, where it gets them only as there is work."""
        with contextlib.suppress(Lost), self._job(within):
            self._context.parallelize([0], 1).count()

    def ask(self, executor: Executor, ticket: str, within: float, hold: float = 0.0) -> Answer:
        """Run ``agent.spark.measure.answer(ticket, task)`` on the executor; its text. Raises Lost.

        ``within``: seconds, with the wait for a place. ``hold``: seconds that a first attempt may take at most. A
        second one, wherever Spark runs it, measures nothing: what the first may do, it may be doing still.
        """
        hold = hold + _MARGIN if self._copies else 0.0
        with self._job(within):
            rdd = self._addressed(json.dumps([ticket, hold]), executor).mapPartitions(_task(self._kit))
            found = rdd.collect()
        stage, task, text = found[0]
        if text is None:
            raise Lost("it was lost before it answered")
        return Answer(executor=self._place_of(stage, task) or executor, text=text)

    @property
    def apart(self) -> str:
        """Why its executors cannot do anything together, or ""."""
        if self._setting("spark.dynamicAllocation.enabled", "false") == "true":
            return "Spark has no barrier stages with dynamic allocation of executors"
        if int(str(self._context.version).partition(".")[0]) < _GATHERS:
            return "Spark %s has no barrier stages whose tasks tell one another anything" % self._context.version
        return ""

    def free(self) -> int:
        """How many executors have a place for a task now."""
        active = _items(self._store().executorList(True))
        return sum(one.id() != "driver" and one.activeTasks() < one.maxTasks() for one in active)

    def ask_together(self, count: int, ticket: str, within: float) -> List[Answer]:
        """Run ``agent.spark.saturate.answer(ticket, task)`` in one barrier stage of so many tasks; what each gives.

        Spark begins with all of them or with none, one to an executor where each has a place, and never for a second
        time. Raises Lost.
        """
        with self._job(within):
            found = (
                self._context.parallelize([ticket] * count, count)
                .barrier()
                .mapPartitions(_task(self._kit, "run_together"))
                .collect()
            )
        unknown = Executor("", "")
        return [Answer(executor=self._place_of(stage, task) or unknown, text=text) for stage, task, text in found]

    def cancel(self) -> None:
        """End what is under way."""
        for group in list(self._jobs):
            with contextlib.suppress(Exception):  # the application may be ending
                self._context.cancelJobGroup(group)

    @contextlib.contextmanager
    def _job(self, within: float) -> Iterator[None]:
        """What is run inside is one job, ended after so many seconds. Raises Lost for whatever goes wrong with it."""
        group = "linkdoctor-%s" % uuid.uuid4()
        late = threading.Event()

        def end() -> None:
            late.set()
            with contextlib.suppress(Exception):  # the application may be ending
                self._context.cancelJobGroup(group)

        before = {key: self._context.getLocalProperty(key) for key in _GROUP}
        self._context.setJobGroup(group, "linkdoctor: why this job cannot reach something", True)
        self._jobs[group] = None
        timer = threading.Timer(within, end)
        timer.daemon = True
        timer.start()
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever Spark says, it is this task's end and no more
            if late.is_set():
                started = self._has_started(group)
                word = "it gave no answer" if started else "it was never given a task"
                raise Lost("%s within %d s" % (word, within), started) from None
            raise Lost(_reason(error)) from None
        finally:
            timer.cancel()
            del self._jobs[group]
            # The thread is the caller's, or of the JVM and may serve another of Python's later.
            for key, value in before.items():
                self._context.setLocalProperty(key, value)

    def _addressed(self, element: str, executor: Executor) -> Any:
        """One partition with one element, to be computed on the executor where that is possible."""
        from pyspark.rdd import RDD  # noqa: PLC0415 - there is no pyspark outside Spark

        context = self._context
        jvm, java, serializer = context._jvm, context._jsc, context._unbatched_serializer  # noqa: SLF001 - see local
        to_seq = jvm.PythonUtils.toSeq
        place = "executor_%s_%s" % (executor.host, executor.id)  # org.apache.spark.scheduler.TaskLocation
        pair = jvm.scala.Tuple2(bytearray(serializer.dumps(element)), to_seq([place]))
        tag = java.emptyRDD().classTag()
        return RDD(java.sc().makeRDD(to_seq([pair]), tag).toJavaRDD(), context, serializer)

    def _place_of(self, stage: int, task: int) -> Optional[Executor]:
        """The executor that ran the task; the application's own books are written a moment after the result."""
        moment = threading.Event()
        for _ in range(int(_BOOKKEEPING / 0.1)):
            for one in _items(self._store().taskList(stage, 0, 100)):
                if one.taskId() == task and one.executorId():
                    return Executor(str(one.executorId()), str(one.host()))
            moment.wait(0.1)
        return None

    def _has_started(self, group: str) -> bool:
        """Whether any task of the job was given to an executor."""
        tracker = self._context.statusTracker()
        for job in tracker.getJobIdsForGroup(group):
            found = tracker.getJobInfo(job)
            for stage in found.stageIds if found is not None else ():
                if _items(self._store().taskList(stage, 0, 100)):
                    return True
        return False

    def _store(self) -> Any:
        return self._context._jsc.sc().statusStore()  # noqa: SLF001 - see local

    def _setting(self, key: str, default: str) -> str:
        return str(self._context.getConf().get(key, default)).strip().lower()


def _items(sequence: Any) -> List[Any]:
    """A Scala sequence as a list."""
    return [sequence.apply(index) for index in range(sequence.size())]


def _reason(error: BaseException) -> str:
    """What Spark says of a failed job, in one line: what went wrong on the executor, where it says so."""
    java = getattr(error, "java_exception", None)
    text = str(java.getMessage()) if java is not None else str(error)
    lines = [line.strip() for line in _PREAMBLE.sub("", text).splitlines() if line.strip()] or [type(error).__name__]
    line = lines[0]
    if _TOGETHER in line and _TRACEBACK not in text:
        return "one of the executors was lost"
    if _TRACEBACK in text:
        # The last line of the traceback, before Java's own begins.
        python = itertools.takewhile(lambda one: not one.startswith("at "), lines)
        line = next((one for one in reversed(list(python)) if _RAISED.match(one)), line)
    return line[:_LONGEST_REASON]


def _task(kit: Any, what: str = "run") -> Callable[[Iterator[str]], List[Given]]:
    """What a task calls, of agent/spark/remote.py: pickled by value, as none of ours can be imported where it runs."""
    source = inspect.getsource(remote)

    def run(elements: Iterator[str]) -> List[Given]:
        names: Dict[str, Any] = {"__name__": "linkdoctor_remote"}
        exec(source, names)  # noqa: S102 - our own module
        found: List[Given] = names[what](elements, kit.value)
        return found

    run.__annotations__ = {}
    run.__module__ = "__main__"
    return run
