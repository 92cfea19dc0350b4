"""The tls probe: one client handshake over an open stream, verified as a job would verify it.

ssl.SSLObject over memory buffers: no thread, no transport, and the first bytes of a peer that speaks no TLS are seen.
"""

import asyncio
import os
import re
import ssl
import time
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import Awaitable, Callable, Optional, TypeVar

from probes.contract import Ask, Notes, Step, describe
from probes.kernel import TcpInfo
from probes.network import Network
from probes.stream import Stream, unheard
from reports.certificate import CertificateError, read
from reports.failures import Failed, Failure, classify
from reports.recognise import FIRST_BYTES, recognise

_T = TypeVar("_T")

Reopen = Callable[[], Awaitable[Optional[Stream]]]

_CHUNK = 65536
# More than any handshake takes: OpenSSL accepts 100 KiB of certificates.
_LARGEST_HANDSHAKE = 262144
# Seconds that saying goodbye may take.
_FAREWELL = 0.5

# A record begins with its type, 20 to 24, and the major version 3 (RFC 8446 section 5.1).
_RECORD = re.compile(rb"[\x14-\x18](\x03|$)", re.DOTALL)
# As OpenSSL words it: `sslv3 alert handshake failure`, `tlsv1 unrecognized name`. A Python that was built for an older
# OpenSSL has the text right and the reason wrong.
_ALERT = re.compile(r"\b(?:sslv3|tlsv1|tlsv13)(?: alert)? ([a-z ]+?)(?: \(|$)")

# Where distributions keep their authorities; a Python that was built elsewhere looks into another directory.
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


class Plaintext(Failed):
    """What came is no TLS; ``first`` is how it began."""

    def __init__(self, first: bytes) -> None:
        super().__init__(Failure.TLS_PLAINTEXT, "what came is no TLS: %r" % first[:40])
        self.first = first


class TlsStream(Stream):
    """A Stream inside TLS. ``first`` keeps the first bytes that came, ``bytes_in`` counts what came at all."""

    def __init__(self, inner: Stream, context: ssl.SSLContext, server_name: str) -> None:
        super().__init__()
        self._inner = inner
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.session = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        self.first = b""
        self.bytes_in = 0

    @property
    def info(self) -> Optional[TcpInfo]:
        """See Stream."""
        return self._inner.info

    async def handshake(self, timeout: float) -> None:
        """Raises ssl.SSLError as OpenSSL says it, and Plaintext where what came is no TLS at all."""
        try:
            await self._run(self.session.do_handshake, timeout)
        except (OSError, EOFError, asyncio.TimeoutError) as error:
            if self.first and not _RECORD.match(self.first):
                raise Plaintext(self.first) from error
            raise

    async def receive(self, timeout: float) -> bytes:
        """See Stream. Many servers end without close_notify: that is an end, too."""
        try:
            return await self._run(lambda: self.session.read(_CHUNK), timeout)
        except (EOFError, ssl.SSLZeroReturnError):
            return b""

    async def write(self, data: bytes, timeout: float) -> None:
        """See Stream."""
        view = memoryview(data)
        deadline = time.monotonic() + timeout
        while view:
            sent = await self._run(partial(self.session.write, view), max(0.0, deadline - time.monotonic()))
            view = view[sent:]

    async def close(self) -> None:
        """See Stream. Says close_notify, or the alert that is due, and does not wait for an answer."""
        try:
            with suppress(OSError, ValueError):
                self.session.unwrap()
            with suppress(OSError, asyncio.TimeoutError, Failed):
                await self._flush(time.monotonic() + _FAREWELL)
        finally:
            await self._inner.close()

    async def _run(self, operation: Callable[[], _T], timeout: float) -> _T:
        """The operation's result, while records go to and fro as TLS wants. Raises EOFError at the peer's end."""
        deadline = time.monotonic() + timeout
        enough = self.bytes_in + _LARGEST_HANDSHAKE
        while True:
            try:
                result = operation()
            except ssl.SSLWantReadError:  # noqa: PERF203 - the wait is what the loop is for
                await self._flush(deadline)
                await self._feed(deadline)
                if self.bytes_in > enough:
                    raise Failed(Failure.TLS_HANDSHAKE_FAILED, "no end within %d bytes" % _LARGEST_HANDSHAKE) from None
            else:
                await self._flush(deadline)
                return result

    async def _flush(self, deadline: float) -> None:
        data = self._outgoing.read()
        if data:
            await self._inner.write(data, max(0.0, deadline - time.monotonic()))

    async def _feed(self, deadline: float) -> None:
        data = await self._inner.read(_CHUNK, max(0.0, deadline - time.monotonic()))
        if not data:
            raise EOFError("the peer closed after %d bytes of TLS" % self.bytes_in)
        self.first += data[: FIRST_BYTES - len(self.first)]
        self.bytes_in += len(data)
        self._incoming.write(data)


async def probe(
    ask: Ask,
    network: Network,
    stream: Stream,
    notes: Notes,
    ca: Optional[str] = None,
    *,
    reopen: Optional[Reopen] = None,
) -> Optional[TlsStream]:
    """Shake hands over ``stream``; the TLS stream (to be closed by the caller), or None, and ``stream`` is closed.

    Verified are the chain (by this machine's authorities and those in ``ca``, PEM text), the dates, and the target's
    name or address. Where only that failed, one more connection, which accepts anything, fetches the certificate:
    ``reopen`` opens it where the stream is not simply a connection to ``ask.address``: it is a proxy's tunnel to the
    target's name, and that is then the address of the observation.
    """
    with notes.step("tls", "handshake", ask, address=ask.target.address if reopen else None) as step:
        step.note("server_name", ask.target.host)
        started = time.monotonic()
        try:
            return await _handshake(step, stream, _verifying(ca), ask)
        except ssl.SSLCertVerificationError as error:
            step.duration = time.monotonic() - started
            _note_refusal(step, error)
        except ssl.SSLError as error:
            _note_tls_error(step, error)
            raise Failed(Failure.TLS_HANDSHAKE_FAILED, describe(error)) from error
        except Plaintext as error:
            step.note("spoke", recognise(error.first) or None)
            raise
        finally:
            if "version" not in step.facts:
                await stream.close()
        await _fetch(step, ask, reopen or (lambda: _connected(network, ask)))
    return None


async def _connected(network: Network, ask: Ask) -> Optional[Stream]:
    return (await network.connect(ask)).stream


async def _handshake(step: Step, stream: Stream, context: ssl.SSLContext, ask: Ask) -> TlsStream:
    tls = TlsStream(stream, context, ask.target.host)
    try:
        with unheard(step, stream):
            await tls.handshake(ask.timeout)
    except BaseException:
        await tls.close()
        raise
    finally:
        step.facts.setdefault("bytes_in", tls.bytes_in)
    _note_session(step, tls.session)
    return tls


async def _fetch(step: Step, ask: Ask, reopen: Reopen) -> None:
    """Note the certificate that was not accepted. What fails here is no failure of the target."""
    with suppress(OSError, EOFError, asyncio.TimeoutError, Failed):
        stream = await reopen()
        if stream is not None:
            await (await _handshake(step, stream, _accepting(), ask)).close()


def _note_refusal(step: Step, error: ssl.SSLCertVerificationError) -> None:
    failure = classify(error)
    if failure is Failure.TLS_UNTRUSTED and _authorities() is None:
        step.fail(Failure.NOT_SUPPORTED, "this machine has no authorities to verify a certificate with")
    else:
        step.fail(failure)
    step.note("verify_code", error.verify_code)
    step.note("verify_message", error.verify_message)


def _note_tls_error(step: Step, error: ssl.SSLError) -> None:
    text = str(error)
    if error.reason and error.reason.replace("_", " ").lower() in text.lower():
        step.note("reason", error.reason)
    alert = _ALERT.search(text)
    if alert:
        step.note("alert", alert.group(1).replace(" ", "_"))


def _note_session(step: Step, session: ssl.SSLObject) -> None:
    step.note("version", session.version())
    cipher = session.cipher()
    step.note("cipher", cipher[0] if cipher else None)
    step.note("chain", _chain_length(session))
    try:
        certificate = read(session.getpeercert(binary_form=True) or b"")
    except CertificateError as error:
        step.note("detail", "the certificate cannot be read: %s" % error)
        return
    step.note("subject", certificate.subject)
    step.note("issuer", certificate.issuer)
    step.note("names", ",".join(certificate.names))
    step.note("not_before", _rfc3339(certificate.not_before))
    step.note("not_after", _rfc3339(certificate.not_after))
    step.note("days_left", round((certificate.not_after - time.time()) / 86400, 1))
    step.note("self_signed", certificate.self_signed)


def _chain_length(session: ssl.SSLObject) -> Optional[int]:
    """How many certificates the peer sent; None where this Python cannot tell (before 3.10)."""
    # Public since 3.13; before, it stands on the C object alone.
    for holder in (session, getattr(session, "_sslobj", None)):
        chain = getattr(holder, "get_unverified_chain", None)
        if chain is not None:
            return len(chain() or ())
    return None


def _rfc3339(seconds: int) -> str:
    return "%04d-%02d-%02dT%02d:%02d:%02dZ" % time.gmtime(seconds)[:6]


# Making a context reads hundreds of authorities: once a run, not once a target.
@lru_cache(maxsize=16)
def _verifying(ca: Optional[str]) -> ssl.SSLContext:
    context = ssl.create_default_context()
    bundle = _authorities()
    if bundle in _BUNDLES:
        context.load_verify_locations(cafile=bundle)
    if ca is not None:
        try:
            context.load_verify_locations(cadata=ca.encode("ascii", "replace").decode("ascii"))
        except (ssl.SSLError, ValueError):
            raise Failed(Failure.SETTING_INVALID, "the plan's `tls.ca` holds no certificate in PEM") from None
    return context


@lru_cache(maxsize=1)
def _accepting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@lru_cache(maxsize=1)
def _authorities() -> Optional[str]:
    """Where this machine's authorities are: OpenSSL's own file or folder, else a distribution's file; else None."""
    paths = ssl.get_default_verify_paths()
    for place in (paths.cafile, paths.capath, *_BUNDLES):
        if place and os.access(place, os.R_OK) and (Path(place).is_file() or any(Path(place).iterdir())):
            return place
    return None
