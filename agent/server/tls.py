"""The TLS context of a server, made of what its web.config.file says."""

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.server.web_config import CLIENT_AUTH, CURVES, SUITES, VERSIONS, BadConfig, Tls


def context_of(tls: Tls, folder: Path) -> ssl.SSLContext:
    """The context. ``folder``: that of the file, to which names in it are relative. Raises BadConfig."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = VERSIONS[tls.min_version]
    context.maximum_version = VERSIONS[tls.max_version]
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    if not tls.prefer_server_cipher_suites:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols(["http/1.1"])
    suites = [SUITES[name] for name in tls.cipher_suites if name in SUITES]
    if suites:
        context.set_ciphers(":".join(suites))
    for curve in tls.curve_preferences:
        context.set_ecdh_curve(CURVES[curve])
    with _file(tls.cert, tls.cert_file, folder) as cert, _file(tls.key, tls.key_file, folder) as key:
        try:
            # Without a password nobody is asked for one at the terminal.
            context.load_cert_chain(cert, key, password="")
        except (OSError, ssl.SSLError, ValueError) as error:
            named = f"{tls.cert_file or 'cert'} and {tls.key_file or 'key'}"
            raise BadConfig(f"tls_server_config: {named} cannot be used: {_words(error)}") from None
    context.verify_mode = CLIENT_AUTH[tls.client_auth_type]
    if tls.client_ca or tls.client_ca_file:
        with _file(tls.client_ca, tls.client_ca_file, folder) as authority:
            try:
                context.load_verify_locations(authority)
            except (OSError, ssl.SSLError) as error:
                named = tls.client_ca_file or "client_ca"
                raise BadConfig(f"tls_server_config: {named} cannot be used: {_words(error)}") from None
    return context


def files_of(tls: Tls, folder: Path) -> list[Path]:
    """The files that it is made of."""
    return [folder / name for name in (tls.cert_file, tls.key_file, tls.client_ca_file) if name]


@contextmanager
def _file(text: str, name: str, folder: Path) -> Iterator[str]:
    """The path of the file, or of one that holds the text and is nowhere on a disk."""
    if name:
        yield str(folder / name)
        return
    descriptor = os.memfd_create("pem", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _words(error: Exception) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    said = "" if isinstance(error, ssl.SSLError) else getattr(error, "strerror", None)
    return said or "it is no PEM text, or it is encrypted"
