"""Work that is done at once, and ends together."""

import asyncio
from typing import Awaitable, Iterable


async def together(work: Iterable[Awaitable[None]]) -> None:
    """Do all of it at once; when one fails, or this is cancelled, the rest is cancelled and waited for."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
