"""The certificate of the demonstration: its own authority, and over since 2024-03-01."""

import ssl
import tempfile

# The key guards nothing: it is here for everybody to see, and the certificate is good for no host that exists.
KEY = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgPRaWiCfZbNs/9z7L
EqQG0oVN2WNqMLVFCxQrN6epS8yhRANCAASTwDN9li5fXnvtOh2G+2+wGwrUpOnK
lk2Yw+/rrNaV8FF/AQnXIXI0/aeMh8z/yPLgx3EHpN7GKbgjqZYaFrEM
-----END PRIVATE KEY-----
"""

CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBjDCCATKgAwIBAgIBATAKBggqhkjOPQQDAjAjMSEwHwYDVQQDDBhwYXJ0bmVy
LWFwaS5zaG9wLmV4YW1wbGUwHhcNMjMwMzAxMDAwMDAwWhcNMjQwMzAxMDAwMDAw
WjAjMSEwHwYDVQQDDBhwYXJ0bmVyLWFwaS5zaG9wLmV4YW1wbGUwWTATBgcqhkjO
PQIBBggqhkjOPQMBBwNCAASTwDN9li5fXnvtOh2G+2+wGwrUpOnKlk2Yw+/rrNaV
8FF/AQnXIXI0/aeMh8z/yPLgx3EHpN7GKbgjqZYaFrEMo1cwVTAjBgNVHREEHDAa
ghhwYXJ0bmVyLWFwaS5zaG9wLmV4YW1wbGUwDwYDVR0TAQH/BAUwAwEB/zAdBgNV
HQ4EFgQUS2OhFNcHzW/J8pld/Fth55WNCWYwCgYIKoZIzj0EAwIDSAAwRQIhAMkc
54C8d17pxHMKlSdamuQoSCKnKAlf8UPVSKpj/D9HAiB0lOPS3+mPlKY6FCgl+NsU
ztEzf3PGpvyhwggQqDqN4Q==
-----END CERTIFICATE-----
"""


def context() -> ssl.SSLContext:
    """What a TLS server needs that shows it."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # OpenSSL takes the pair from a file alone.
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(KEY + CERTIFICATE)
        file.flush()
        made.load_cert_chain(file.name)
    return made
