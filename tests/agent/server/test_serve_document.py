"""docs/serve.md: its examples are taken by whoever they are for, its tables are those of the code, its routes exist."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from agent.cli.duty import serve
from agent.schedule import Schedule
from agent.schedule.log import silent
from agent.server.app import routes
from agent.server.connection import MOST_CONNECTIONS
from agent.server.own import Own
from agent.server.web_config import parse
from reports.metrics import Tally
from tests.agent.server import serving
from tests.prometheus_parts import fetched
from tests.tls_servers import program

TEXT = (Path(__file__).parents[3] / "docs" / "serve.md").read_text()
BLOCKS = [yaml.safe_load(block) for block in re.findall(r"^```yml\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)]


class _Anything:
    """Whatever a route needs of its parts."""

    def __getattr__(self, name):
        return _Anything()


def test_the_scrape_configuration(tmp_path):
    """Prometheus reads it."""
    (tmp_path / "prometheus.yml").write_text(json.dumps(BLOCKS[0]))
    command = [program("promtool"), "check", "config", "prometheus.yml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_the_web_config():
    """It protects, and is one."""
    assert parse(json.dumps(BLOCKS[1]).encode(), "web.yml").protects


def test_every_option():
    """All of them, with their defaults."""
    for option in serve.params[1:]:
        assert f"`{option.opts[0]}" in TEXT
        if isinstance(option.default, str):
            assert f"`{option.default}`" in TEXT


def test_every_route():
    """Those that the table names, and the other way round; the page's own are its own matter."""
    named = set(re.findall(r"`(?:GET |POST )?(/[\w/-]*)", TEXT))
    there = {path.partition("{")[0].rstrip("/") or "/" for method, path in routes(_Anything()) if method != "PUT"}
    pages = {"/target", "/run", "/page/events"}

    assert {path.rstrip("/") or "/" for path in named if not path.endswith("/ID")} >= there - pages


async def test_every_metric_of_its_own():
    """Name, kind and words."""
    schedule = Schedule(silent, Tally(), "duty-1")
    own = Own(schedule, lambda: None)
    rows = re.findall(r"^\| `(linkdoctor_\w+)` \| (\w+) \| (.*) \|$", TEXT, re.MULTILINE)
    there = {family.name: (family.type, family.documentation) for family in own.collect()}

    assert there.items() <= {name: (kind, words) for name, kind, words in rows}.items()
    assert {name for name, _, _ in rows} - set(there) == {
        "linkdoctor_http_connections",
        "linkdoctor_http_connections_turned_away",
    }
    await schedule.stop()


def test_numbers():
    """As the code has them."""
    assert f"{MOST_CONNECTIONS:,} connections" in TEXT


@pytest.mark.parametrize(
    "path", ["/metrics", "/-/healthy", "/-/ready", "/api/state", "/probe?target=metastore&debug=true"]
)
def test_the_commands(path, tmp_path):
    """What is typed there is answered."""
    plan = serving.write_plan(tmp_path, {"name": "metastore", "address": "127.0.0.1:1"})
    with serving.serve(plan, state=tmp_path) as process:
        process.wait("run")
        assert fetched(f"http://127.0.0.1:{process.port}{path}")
