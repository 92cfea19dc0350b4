"""Layer tls: certificates and handshakes."""

from typing import Tuple

from reports.causes.entry import AUTHOR, DBA, WARNING, Cause

ENTRIES: Tuple[Cause, ...] = (
    Cause(
        "tls_expired",
        "tls",
        "the certificate is out of date",
        "renew the certificate of {destinations}; it ended on {not_after}",
        DBA,
    ),
    Cause(
        "tls_wrong_name",
        "tls",
        "the certificate is for another name",
        "use a name that the certificate holds ({names}), or get one that holds {host}",
        AUTHOR,
    ),
    Cause(
        "tls_untrusted",
        "tls",
        "the certificate's issuer is not known here",
        "put the authority into the trust store (plan: `tls: {{ca: FILE}}`), or use a certificate of a public"
        " one; the issuer is {issuer}",
        AUTHOR,
    ),
    Cause(
        "tls_not_yet_valid",
        "tls",
        "the certificate is not valid yet",
        "correct the clock, or the certificate of {destinations}; it begins on {not_before}",
        DBA,
    ),
    Cause(
        "tls_expiring_soon",
        "tls",
        "the certificate ends within days",
        "renew the certificate of {destinations} before {not_after}",
        DBA,
        WARNING,
    ),
    Cause(
        "tls_intercepted",
        "tls",
        "a middlebox ends TLS with its own authority",
        "exempt {destinations} from TLS inspection, or trust its authority: the issuer is {issuer}",
    ),
    Cause(
        "tls_port_speaks_plaintext",
        "tls",
        "there is no TLS on this port",
        "use the plain service, or the TLS port: {destinations} answers {spoke} in plain text",
        AUTHOR,
    ),
    Cause(
        "tls_handshake_failed",
        "tls",
        "no version, cipher or client certificate in common",
        "agree on TLS with {destinations}: {message}",
        DBA,
    ),
)
