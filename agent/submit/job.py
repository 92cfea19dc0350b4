"""One job in one project, from the first upload to the last drop."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Literal

from attrs import define, field, frozen
from odps import errors

from agent.bundle import UdfBundle
from agent.submit.account import secrets_of
from agent.submit.interrupts import Interrupts
from agent.submit.progress import Progress
from agent.submit.rows import PROBLEMS, Rows, fetch, is_refusal
from agent.submit.trouble import SubmitError, explain, never_sent


@frozen(kw_only=True)
class Pace:
    """Seconds.

    ``first``, ``longest``: between looks at the job, growing; ``patience``: for how long it may be out of sight;
    ``again``: before what could not be dropped is dropped again.
    """

    first: float = 0.25
    longest: float = 5.0
    patience: float = 60.0
    again: float = 5.0


@frozen
class _Made:
    """Something that was created, or may have been."""

    kind: Literal["resource", "function"]
    name: str

    @property
    def statement(self) -> str:
        return f"drop {self.kind} {self.name};"


@define(eq=False)
class Job:
    """Runs a bundle. What exists is written down before it is asked for, so that nothing is forgotten."""

    _o: Any = field(repr=False)
    _bundle: UdfBundle
    _progress: Progress
    _interrupts: Interrupts
    _pace: Pace = field(factory=Pace)
    _made: list[_Made] = field(factory=list, init=False)
    _instance: Any = field(default=None, init=False)
    _ended: bool = field(default=False, init=False)
    _began: bool = field(default=False, init=False)
    _failures: list[SubmitError] = field(factory=list, init=False)
    _worth_another_try: bool = field(default=False, init=False)
    # Whether a job may have been started whose name nobody knows.
    _lost: bool = field(default=False, init=False)

    def run(self, *, keep: bool = False) -> Rows:
        """The rows of the query. Whatever happens, what was created is dropped, or said; with ``keep``, it is said.

        Raises SubmitError, and Interrupted after a signal.
        """
        try:
            self._create()
            self._start()
            self._wait()
            return self._fetch()
        finally:
            self._interrupts.cleaning()
            try:
                self._clean_up(keep)
            finally:
                self._interrupts.last_words()
                self._say_what_is_left(keep)

    # --- before -------------------------------------------------------------------------------------------------

    def _create(self) -> None:
        for resource in self._bundle.resources:
            with self._step(f"uploading {resource.name}"), self._making("resource", resource.name):
                self._o.create_resource(resource.name, resource.type, fileobj=resource.content)
        for function in self._bundle.functions:
            with self._step(f"creating function {function.name}"), self._making("function", function.name):
                resources = list(function.resources)
                self._o.create_function(function.name, class_type=function.class_type, resources=resources)

    @contextmanager
    def _making(self, kind: Literal["resource", "function"], name: str) -> Iterator[None]:
        made = _Made(kind, name)
        self._made.append(made)
        try:
            yield
        except PROBLEMS as error:
            # A name that is taken is another's. Any other refusal means that there is no resource; of a function it may
            # also be PyODPS's look at what it has just created.
            taken = "AlreadyExists" in str(getattr(error, "code", ""))
            refused = taken or (kind == "resource" and is_refusal(error))
            if refused or never_sent(error):
                self._made.remove(made)
            raise

    # --- the job ------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        with self._step("starting the query"):
            self._lost = True
            try:
                self._instance = self._o.run_sql(self._bundle.query, hints=dict(self._bundle.settings))
                self._lost = False
            except PROBLEMS as error:
                self._lost = not (is_refusal(error) or never_sent(error))
                raise
        self._progress.say(f"Job      {self._instance.id}")
        with suppress(*PROBLEMS):
            self._progress.say(f"Logview  {self._instance.get_logview_address()}")

    def _wait(self) -> None:
        with self._step("waiting for the job", f"waiting for job {self._instance.id}"):
            delay = self._pace.first
            seen = time.monotonic()
            while True:
                try:
                    self._ended = self._instance.is_terminated(retry=False)
                    seen = time.monotonic()
                except PROBLEMS as error:
                    if is_refusal(error) or time.monotonic() - seen > self._pace.patience:
                        raise
                if self._ended:
                    break
                self._progress.state(self._state())
                self._interrupts.wait(delay)
                delay = min(2 * delay, self._pace.longest)
        with self._step("the job has ended", f"job {self._instance.id}", "it did not end well"):
            self._raise_if_failed()

    def _state(self) -> str:
        with suppress(*PROBLEMS):
            for name in self._instance.get_task_names():
                stages = self._instance.get_task_progress(name).stages
                done = sum(stage.terminated_workers or 0 for stage in stages)
                if stages:
                    return f"running: {done} of {sum(stage.total_workers or 0 for stage in stages)} workers are done"
        return "running"

    def _raise_if_failed(self) -> None:
        for name, task in self._instance.get_task_statuses().items():
            if task.status is task.TaskStatus.FAILED:
                raise errors.ODPSError(self._instance.get_task_result(name), instance_id=self._instance.id)
            if task.status is not task.TaskStatus.SUCCESS:
                raise errors.ODPSError(f"{name} was {task.status.value.lower()}", instance_id=self._instance.id)

    def _fetch(self) -> Rows:
        with self._step("fetching the rows"):
            return fetch(self._instance, self._progress, self._interrupts)

    @contextmanager
    def _step(self, state: str, doing: str = "", otherwise: str = "MaxCompute refused") -> Iterator[None]:
        self._interrupts.check()
        self._progress.state(state)
        try:
            yield
        except PROBLEMS as error:
            raise explain(error, doing or state, self._o.endpoint, secrets_of(self._o), otherwise) from None

    # --- after --------------------------------------------------------------------------------------------------

    def _clean_up(self, keep: bool) -> None:
        if self._instance is None and not self._made:
            return
        self._began = True
        self._progress.state("cleaning up")
        for pause in (0.0, self._pace.again):
            if pause and not self._worth_another_try:
                break
            self._interrupts.wait(pause)
            self._failures.clear()
            self._worth_another_try = False
            # Where one thing cannot even be asked for, neither can the others.
            with suppress(OSError):
                self._drop(keep)

    def _drop(self, keep: bool) -> None:
        if self._instance is not None and not self._ended:
            self._ended = self._done(self._instance.stop)
        drops = {"function": self._o.delete_function, "resource": self._o.delete_resource}
        for made in [] if keep else reversed(self._made.copy()):
            if self._done(partial(drops[made.kind], made.name)):
                self._made.remove(made)

    def _done(self, action: Callable[[], None]) -> bool:
        try:
            action()
        except (errors.NoSuchObject, errors.InvalidStateSetting):
            return True
        except PROBLEMS as error:
            self._failures.append(explain(error, "cleaning up", self._o.endpoint, secrets_of(self._o)))
            self._worth_another_try |= not is_refusal(error)
            if isinstance(error, OSError):
                raise
            return False
        return True

    def _say_what_is_left(self, keep: bool) -> None:
        for reason in dict.fromkeys(map(str, self._failures)):
            self._progress.say(reason)
        left = [made.statement for made in reversed(self._made)]
        if self._instance is not None and not self._ended:
            left.insert(0, f"kill {self._instance.id};")
        if self._lost:
            left.append("-- and perhaps a job: MaxCompute did not say whether it was started")
        if left:
            head = "Kept, as asked; to drop it:" if keep and self._ended else "This may be left; to end it by hand:"
            self._progress.say("\n  ".join([head, *left]))
        elif self._began:
            self._progress.say("Cleaned up: nothing is left in the project.")
