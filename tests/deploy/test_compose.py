"""The composition of the whole: the schema of compose, and that everything it mounts is there."""

import subprocess
from pathlib import Path

import yaml

from tests.deploy.duty import DEPLOY
from tests.lab.harness import LINKDOCTOR
from tests.tls_servers import program

COMPOSE = DEPLOY / "compose" / "compose.yaml"


def services():
    """What is composed, by name."""
    return yaml.safe_load(COMPOSE.read_text())["services"]


def test_it_is_a_composition():
    """The schema of compose knows every key."""
    command = [program("check-jsonschema", str(LINKDOCTOR.parent)), "--builtin-schema", "vendor.compose-spec", COMPOSE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert 0 == done.returncode, done.stdout + done.stderr


def test_what_is_mounted_is_there():
    """A file that is missing would become an empty folder."""
    volumes = yaml.safe_load(COMPOSE.read_text())["volumes"]
    for service in services().values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert source in volumes or (COMPOSE.parent / source).exists(), volume


def test_nothing_is_published_beyond_this_machine():
    """Nor may any of them write to its own image, gain a privilege, or have another version tomorrow."""
    for name, service in services().items():
        assert all(port.startswith("127.0.0.1:") for port in service["ports"]), name
        assert service["read_only"] is True, name
        assert ["ALL"] == service["cap_drop"], name
        assert ["no-new-privileges:true"] == service["security_opt"], name
        assert Path(service["image"]).name.partition(":")[2].lstrip("v")[0].isdigit(), name


def test_prometheus_asks_whom_compose_names():
    """Every target of its configuration is a service, at a port of its own."""
    config = yaml.safe_load((COMPOSE.parent / "prometheus.yaml").read_text())
    asked = [target for job in config["scrape_configs"] for some in job["static_configs"] for target in some["targets"]]

    assert asked
    for target in asked:
        name, port = target.split(":")
        assert any(entry.endswith(f":{port}") for entry in services()[name]["ports"]), target
