"""How many requests are answered: a bucket of tokens (web.config.file, ``rate_limit``)."""

import time

from attrs import define

from agent.server.web_config import RateLimit


@define
class Bucket:
    """``burst`` requests at once; then one for each interval that passes."""

    _tokens: float = 0.0
    _seen: float | None = None

    def admits(self, rate: RateLimit, now: float | None = None) -> bool:
        """Whether one more is answered. ``now``: monotonic seconds."""
        if not rate.interval:
            return True
        now = time.monotonic() if now is None else now
        passed = rate.burst * rate.interval if self._seen is None else now - self._seen
        self._tokens = min(rate.burst, self._tokens + passed / rate.interval)
        self._seen = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
