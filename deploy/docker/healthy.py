"""Whether the linkdoctor in this container answers: exit code 0, else 1. For HEALTHCHECK, and as a probe of Kubernetes.

LINKDOCTOR_URL: where it listens, http://127.0.0.1:9723 by default; https:// where it has TLS.
"""

import http.client
import os
import ssl
import sys
import urllib.error
import urllib.request

PATIENCE = 5.0


def answers(url: str) -> bool:
    """Whether its event loop is alive. Whoever asks for a password or a certificate is, too."""
    anyone = ssl._create_unverified_context()  # noqa: S323, SLF001 - ourselves; the certificate has other names
    ask = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=anyone)).open
    try:
        with ask(url + "/-/healthy", timeout=PATIENCE):
            return True
    except urllib.error.HTTPError as refusal:
        return refusal.code < 500
    except (OSError, http.client.HTTPException) as trouble:
        # Of TLS 1.3, who lacks a certificate learns it after the handshake, and that was made.
        if isinstance(getattr(trouble, "reason", trouble), (ssl.SSLError, http.client.RemoteDisconnected)):
            return url.startswith("https:")
        print(f"{url}: {trouble}", file=sys.stderr)
        return False


if __name__ == "__main__":
    sys.exit(not answers(os.environ.get("LINKDOCTOR_URL", "http://127.0.0.1:9723")))
