"""Prometheus's own programs on loopback: promtool, Pushgateway, blackbox_exporter."""

import contextlib
import subprocess
import urllib.request

from tests.service_servers import started
from tests.tls_servers import HERE, free_port, program


def promtool(text, *arguments):
    """What promtool says of a text of metrics; "" where it has nothing to say."""
    done = subprocess.run(
        [program("promtool"), "check", "metrics", *arguments], input=text, capture_output=True, check=False, timeout=60
    )
    return (done.stdout + done.stderr).decode() + ("" if done.returncode == 0 else f"exit code {done.returncode}")


@contextlib.contextmanager
def pushgateway(**web):
    """A Pushgateway that keeps nothing; gives its URL. ``web``: the path of a ``config`` file."""
    command = [program("prometheus-pushgateway"), "--persistence.file="]
    with _server(command, web.get("config")) as url:
        yield url


@contextlib.contextmanager
def blackbox_exporter(config):
    """The exporter with this configuration file; gives its URL."""
    with _server([program("prometheus-blackbox-exporter"), f"--config.file={config}"], None) as url:
        yield url


def fetched(url, timeout=10):
    """The text at a URL."""
    with urllib.request.urlopen(url, timeout=timeout) as answer:  # noqa: S310 - on loopback
        return answer.read().decode()


@contextlib.contextmanager
def _server(command, config):
    port = free_port()
    more = [f"--web.listen-address={HERE}:{port}", *([f"--web.config.file={config}"] if config else [])]
    with started([*command, *more], "TLS is"):
        yield f"http://{HERE}:{port}"
