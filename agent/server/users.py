"""Who asks: passwords against bcrypt hashes, at equal cost for users that do not exist, and remembered for a while."""

import asyncio
import base64
import binascii
import hashlib
import hmac
import os
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

# bcrypt looks at so many bytes.
_LONGEST = 72
# Answers that are remembered, and questions that wait; whoever comes then is turned away.
_MOST_REMEMBERED = 100
_MOST_WAITING = 16


class TooManyQuestions(Exception):
    """So many passwords wait to be compared that this one will not be."""


class Users:
    """Compares. One comparison at a time, on a thread of its own: each is made to be slow."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="users")
        self._key = os.urandom(32)
        self._known: OrderedDict[bytes, bool] = OrderedDict()
        self._waiting = 0

    async def knows(self, header: str | None, users: Mapping[str, str]) -> bool:
        """Whether an ``Authorization`` header names one of the users, and its password. Raises TooManyQuestions."""
        pair = _basic(header)
        if pair is None or not users:
            return False
        name, password = pair
        # Who does not exist takes as long as who does: somebody else's hash, which fits nobody of that name.
        exists = name in users
        hashed = (users[name] if exists else next(iter(users.values()))).encode()
        # What is remembered is no password.
        parts = b"".join(hashlib.sha256(part).digest() for part in (name.encode(), hashed, password))
        digest = hmac.digest(self._key, parts, "sha256")
        fits = self._known.get(digest)
        if fits is None:
            if self._waiting >= _MOST_WAITING:
                raise TooManyQuestions
            self._waiting += 1
            try:
                fits = await asyncio.get_running_loop().run_in_executor(self._thread, _fits, password, hashed)
            finally:
                self._waiting -= 1
            self._known[digest] = fits
            while len(self._known) > _MOST_REMEMBERED:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(digest)
        return fits and exists

    def close(self) -> None:
        """Compare no more."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def _fits(password: bytes, hashed: bytes) -> bool:
    import bcrypt  # noqa: PLC0415 - where nobody has a password it is not needed

    try:
        return bcrypt.checkpw(password[:_LONGEST], hashed)
    except ValueError:  # a NUL in it, or no hash
        return False


def _basic(header: str | None) -> tuple[str, bytes] | None:
    """RFC 7617: name and password."""
    scheme, _, encoded = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return None
    return (name.decode("utf-8", "replace"), password) if colon else None
