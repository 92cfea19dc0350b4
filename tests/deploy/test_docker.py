"""The image: its recipe, what goes into it, and how it tells that it is healthy."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import bcrypt
import pytest

from tests.deploy.duty import DEPLOY
from tests.lab.harness import LINKDOCTOR, ROOT
from tests.service_servers import started
from tests.tls_servers import HERE, Authority, free_port, program

DOCKERFILE = DEPLOY / "docker" / "Dockerfile"
HEALTHY = DEPLOY / "docker" / "healthy.py"
SECRET = "correct horse"
CERTIFIED = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: server.pem\n"


def admitted():
    """The files of this folder that a builder is given, by .dockerignore (the last pattern that fits counts)."""
    patterns = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    for folder, _, files in os.walk(ROOT):
        for file in files:
            name = Path(folder, file).relative_to(ROOT).as_posix()
            fitting = [pattern for pattern in patterns if _fits(name, pattern.lstrip("!"))]
            if not fitting or fitting[-1].startswith("!"):
                yield name


def _fits(name, pattern):
    """Whether the pattern names the file, or a folder above it."""
    parts = name.split("/")
    if pattern.startswith("**/"):
        return pattern.removeprefix("**/") in parts
    if pattern == "*":
        return True
    return parts[: pattern.count("/") + 1] == pattern.split("/")


def health(url):
    """The exit code of the health check, and what it says."""
    done = subprocess.run(
        [sys.executable, HEALTHY], env={"LINKDOCTOR_URL": url}, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stderr


@pytest.fixture
def plan(tmp_path):
    """A plan that is quickly run."""
    path = tmp_path / "plan.yaml"
    path.write_text(f"targets: ['{HERE}:{free_port()}']\n")
    return path


def test_the_recipe_is_clean():
    """Hadolint has nothing to say, of the shell in it either."""
    command = [program("hadolint", str(LINKDOCTOR.parent)), DOCKERFILE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (0, "") == (done.returncode, done.stdout + done.stderr)


def test_the_recipe_keeps_its_promises():
    """Every version is pinned, nobody is root, a health check is there, and no host of an index is named."""
    recipe = DOCKERFILE.read_text()
    steps = [line.split(" ", 1) for line in recipe.splitlines() if re.match(r"[A-Z]+ ", line)]

    assert ["65532:65532"] == [rest for word, rest in steps if word == "USER"]
    assert all(rest.startswith("python:3.11-slim-") for word, rest in steps if word == "FROM")
    assert recipe.count("pip install") + recipe.count("python install") == recipe.count("--constraint constraints.txt")
    assert "HEALTHCHECK" in [word for word, _ in steps]
    assert not re.search(r"://|index-url|trusted-host", recipe)


def test_the_image_is_built_from_what_is_admitted_and_nothing_else(tmp_path):
    """The wheel is made of it alone, with all of the package; no history, no test, no plan, no secret is in it."""
    names = list(admitted())
    for name in names:
        place = tmp_path / "context" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes((ROOT / name).read_bytes())
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE.read_text(), re.MULTILINE)
    assert all((tmp_path / "context" / source).exists() for line in copied for source in line.split())

    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-build-isolation"]
    subprocess.run([*command, "--no-deps", "--no-index", "--wheel-dir", tmp_path, tmp_path / "context"], check=True)

    (wheel,) = tmp_path.glob("*.whl")
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert {"agent", "probes", "reports"} == {name.split("/")[0] for name in packed}
    assert packed <= set(names)
    beside = {"LICENSE", "README.md", "constraints.txt", "deploy/docker/healthy.py", "pyproject.toml"}
    assert beside == set(names) - packed


def test_it_is_healthy_where_it_answers(plan, tmp_path):
    """A loopback port without TLS and users."""
    port = free_port()
    with started([LINKDOCTOR, "serve", plan, "--listen", f"{HERE}:{port}", "--state", tmp_path / "runs"], "listening"):
        assert (0, "") == health(f"http://{HERE}:{port}")


@pytest.mark.parametrize("clients", ["", CERTIFIED], ids=["users", "certificates"])
def test_it_is_healthy_where_it_asks_who_is_there(plan, tmp_path, clients):
    """With TLS of an authority that nobody knows, a password, or even a client's certificate: it answers."""
    (tmp_path / "server.pem").write_text(Authority("test").issue("elsewhere.example"))
    password = bcrypt.hashpw(SECRET.encode(), bcrypt.gensalt(4)).decode()
    config = tmp_path / "web.yaml"
    config.write_text(
        f"tls_server_config:\n  cert_file: server.pem\n  key_file: server.pem\n{clients}"
        f"basic_auth_users:\n  somebody: {password}\n"
    )
    port = free_port()
    command = [LINKDOCTOR, "serve", plan, "--listen", f"{HERE}:{port}", "--web.config.file", config]
    with started([*command, "--state", tmp_path / "runs"], "listening"):
        assert (0, "") == health(f"https://{HERE}:{port}")


def test_it_is_not_healthy_where_nobody_answers():
    """A port where nothing listens."""
    url = f"http://{HERE}:{free_port()}"
    code, said = health(url)

    assert 1 == code
    assert said.startswith(url)
