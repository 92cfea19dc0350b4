"""What another place than the first does in a crew (agent/spark/crew.py), and the words that the two use."""

import asyncio
import contextlib
from typing import Any, Awaitable, Callable, Dict, List, Optional, Sequence, Set

from agent.budget import RunBudget
from agent.experiments.saturation import manners_of
from agent.spark.link import Link
from probes import local
from probes.contract import Ask, describe
from probes.holding import Attempt, Holding
from probes.network import Network
from reports.failures import Failure
from reports.model import Limits, Plan

# Orders: [number, verb, words].
BEGIN, OPEN, TOUCH, GIVE_BACK = "begin", "open", "touch", "give_back"
ASK_THE_WAY, OVER, BEAT = "ask_the_way", "over", "beat"
# News: what came of an order; what has died, and whether what is held is too old; what went wrong here.
DONE, SEEN, ERROR = "done", "seen", "error"

# Seconds: each says something so often; whoever does not for so long is lost.
EVERY, SILENCE = 0.1, 3.0


async def follow(link: Link, plan: Plan, limits: Limits) -> str:
    """Hold what the first place says, until it has ended or is not heard of; what went wrong here, or ""."""
    local.raise_descriptor_limit()
    network = Network(RunBudget(limits))
    follower = _Follower(plan, network, link)
    beating = asyncio.ensure_future(follower.beat())
    try:
        while True:
            await follower.obey(*await link.hear(SILENCE))
    except asyncio.TimeoutError:
        return "the first of the executors was not heard of for %d seconds" % SILENCE
    except (OSError, EOFError, ValueError):
        return follower.error
    finally:
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
        await follower.leave()
        link.close()
        network.close()


class _Follower:
    """What another place does for the first one."""

    def __init__(self, plan: Plan, network: Network, link: Link) -> None:
        self._targets = {target.name: target for target in plan.targets}
        self._network = network
        self._link = link
        self._holding: Optional[Holding] = None
        self._open = contextlib.ExitStack()
        self._tasks: Set[asyncio.Future[None]] = set()
        self._verbs: Dict[str, Callable[..., Awaitable[Any]]] = {
            BEGIN: self._begin,
            OPEN: self._open_one,
            TOUCH: self._touch,
            GIVE_BACK: self._give_back,
            ASK_THE_WAY: self._ask_the_way,
            OVER: self.leave,
        }
        self.error = ""

    async def beat(self) -> None:
        """Tell again and again what has died, and that this place is there."""
        while True:
            died = await self._holding.bury() if self._holding is not None else []
            self._link.send(SEEN, died, self._holding is not None and self._holding.is_too_old)
            await asyncio.sleep(EVERY)

    async def obey(self, number: int, verb: str, words: Sequence[Any]) -> None:
        """Do it now, or begin to; what comes of it is told as soon as it is known."""
        if verb == BEAT:
            return
        if verb in (BEGIN, OVER):
            await self._do(number, verb, words)
            return
        task = asyncio.ensure_future(self._do(number, verb, words))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _begin(self, name: str, address: str, patience: float, answer: float, share: int) -> None:
        ask = Ask(target=self._targets[name], address=address)
        self._open.enter_context(self._network.holding(ask, share))
        self._holding = await Holding(ask, self._network, manners_of(ask, patience, answer)).__aenter__()

    async def _do(self, number: int, verb: str, words: Sequence[Any]) -> None:
        try:
            result = await self._verbs[verb](*words)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends the work of all
            self.error = describe(error)
            self._link.send(ERROR, self.error)
        else:
            self._link.send(DONE, number, result)

    async def _open_one(self) -> List[Any]:
        return words_of(await self._held().open_one())

    async def _touch(self) -> List[Any]:
        return words_of(await self._held().touch())

    async def _give_back(self, count: int, in_order: bool) -> None:
        await self._held().give_back(count, in_order=in_order)

    async def _ask_the_way(self, tries: int) -> None:
        self._held().ask_the_way(tries)

    def _held(self) -> Holding:
        if self._holding is None:
            raise RuntimeError("nothing is held here")
        return self._holding

    async def leave(self) -> None:
        """Give everything back."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        holding, self._holding = self._holding, None
        if holding is not None:
            await holding.__aexit__(None, None, None)
        self._open.close()


def words_of(attempt: Attempt) -> List[Any]:
    """An attempt as it travels."""
    failure = attempt.failure.value if attempt.failure is not None else None
    return [attempt.sign, failure, attempt.handshake_s, attempt.answer_s, attempt.syns]


def attempt_of(words: Sequence[Any]) -> Attempt:
    """The attempt that travelled."""
    sign, failure, handshake_s, answer_s, syns = words
    return Attempt(
        sign=sign,
        failure=Failure(failure) if failure is not None else None,
        handshake_s=handshake_s,
        answer_s=answer_s,
        syns=syns,
    )
