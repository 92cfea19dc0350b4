"""Who may measure at the same time, and with which part of the budget: counted in the driver, for the whole job."""

import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import Callable, Deque, Iterable, TypeVar

from reports.model import Share

T = TypeVar("T")

# Seconds after which the next one may use the part of the budget that another had: rates are counted by the second.
BREATH = 1.0


def in_turns(work: Iterable[T], at_once: int, do: Callable[[T, Share], float]) -> float:
    """Do it all, so much at once, each with its own part of the budget; in how many seconds all parts are free again.

    ``do`` says for how many seconds afterwards nobody else may have that part. What it raises ends everything.
    """
    waiting: Deque[T] = deque(work)
    stopped = threading.Event()
    free_at = [0.0] * at_once

    def turn(index: int) -> None:
        while not stopped.is_set():
            if waiting and stopped.wait(max(0.0, free_at[index] - time.monotonic())):
                return
            try:
                one = waiting.popleft()
            except IndexError:
                return
            rest = do(one, Share(index=index, of=at_once))
            free_at[index] = time.monotonic() + rest

    with ThreadPoolExecutor(at_once) as pool:
        turns = [pool.submit(turn, index) for index in range(at_once)]
        try:
            for each in turns:
                each.result()
        finally:
            stopped.set()
    return max(0.0, max(free_at) - time.monotonic())
