"""Several labs side by side, each with networks of its own, so that their time-outs are waited for together."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from tests.lab.harness import Lab

T = TypeVar("T")


class Labs:
    """So many labs, each built when it is first needed."""

    def __init__(self, jobs: int = 3) -> None:
        self._pool = ThreadPoolExecutor(jobs)
        self._own = threading.local()
        self._labs: list[Lab] = []

    def do(self, work: Callable[[Lab], T]) -> Future[T]:
        """What the work in a lab of its own gives. Its result raises LabUnavailableError where there can be no lab."""
        return self._pool.submit(self._do, work)

    def close(self) -> None:
        """End the labs; what has not begun is not run."""
        self._pool.shutdown(cancel_futures=True)
        for lab in self._labs:
            lab.close()

    def _do(self, work: Callable[[Lab], T]) -> T:
        if not hasattr(self._own, "lab"):
            self._own.lab = Lab().__enter__()
            self._labs.append(self._own.lab)
        return work(self._own.lab)
