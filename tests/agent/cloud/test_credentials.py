"""Where the credentials for the cloud's API are from, and that nobody gets to see them."""

import json
import os
import subprocess
import sys

import pytest

from tests.agent.cloud.asking import ROOT, discover
from tests.aliyun_cloud import VPC
from tests.aliyun_server import ACCESS_KEY_ID, SECRET, TOKEN

UNSHARE = ["unshare", "--user", "--map-root-user", "--net"]

_IN_ENVIRONMENT = ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET")


def test_no_credentials(api, tmp_path):
    """Every place is named, with what it lacks."""
    done = discover(api, tmp_path, without=_IN_ENVIRONMENT)

    assert done.returncode == 3
    first, *places = done.stderr.splitlines()
    assert first == "Error: there are no credentials for the cloud's API in any of the usual places:"
    assert [line.strip().partition(":")[0] for line in places] == [
        "ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET (ALIBABA_CLOUD_SECURITY_TOKEN)",
        "~/.aliyun/config.json",
        "~/.alibabacloud/credentials.ini",
        "the RAM role of this ECS instance",
    ]
    assert api.heard == []


def test_a_profile(api, tmp_path):
    """The profile of the aliyun command."""
    profile = {"name": "lab", "mode": "StsToken", "access_key_id": ACCESS_KEY_ID, "access_key_secret": SECRET}
    (tmp_path / ".aliyun").mkdir()
    (tmp_path / ".aliyun" / "config.json").write_text(
        json.dumps({"current": "lab", "profiles": [{**profile, "sts_token": TOKEN}]})
    )
    api.keys = {ACCESS_KEY_ID: (SECRET, TOKEN)}
    done = discover(api, tmp_path, "--vpc", VPC, without=_IN_ENVIRONMENT)

    assert (done.returncode, done.stderr) == (0, "")


def test_another_profile(api, tmp_path):
    """The profile of the SDKs, chosen by name."""
    folder = tmp_path / ".alibabacloud"
    folder.mkdir()
    keys = f"type = access_key\naccess_key_id = {ACCESS_KEY_ID}\naccess_key_secret = {SECRET}\n"
    (folder / "credentials.ini").write_text(f"[work]\n{keys}")
    done = discover(api, tmp_path, "--vpc", VPC, without=_IN_ENVIRONMENT, ALIBABA_CLOUD_PROFILE="work")

    assert (done.returncode, done.stderr) == (0, "")


def test_what_the_sdks_would_print(api, tmp_path):
    """With DEBUG=sdk they write every header to stderr, the token's too: not here."""
    api.keys = {ACCESS_KEY_ID: (SECRET, TOKEN)}
    done = discover(api, tmp_path, "--vpc", VPC, DEBUG="sdk", ALIBABA_CLOUD_SECURITY_TOKEN=TOKEN)

    assert (done.returncode, done.stderr) == (0, "")
    assert TOKEN not in done.stdout
    for path in tmp_path.glob("plan*"):
        assert not any(secret in path.read_text() for secret in (SECRET, TOKEN, ACCESS_KEY_ID))


@pytest.mark.parametrize("no_proxy", ["127.0.0.1", "*"])
def test_no_proxy(api, tmp_path, no_proxy):
    """NO_PROXY means what it means elsewhere; a proxy that is named and down is said."""
    down = {"HTTPS_PROXY": "http://127.0.0.1:1", "https_proxy": "http://127.0.0.1:1"}

    assert discover(api, tmp_path, "--vpc", VPC, NO_PROXY=no_proxy, **down).returncode == 0
    done = discover(api, tmp_path, "--vpc", VPC, output="other.yaml", **down)
    assert done.returncode == 3
    assert "the proxy (HTTP_PROXY, HTTPS_PROXY): nothing listens there" in done.stderr


# The command in a network where this machine has the metadata service's address, and the API's; what both heard.
_ON_AN_INSTANCE = """
import json, os, subprocess, sys
from pathlib import Path
from tests.aliyun_server import ACCESS_KEY_ID, SECRET, TOKEN, Aliyun
from tests.agent.cloud.asking import discover
from tests.metadata_server import DATA, Metadata
from tests.tls_servers import Authority

folder = Path(sys.argv[1])
role = {"Code": "Success", "AccessKeyId": ACCESS_KEY_ID, "AccessKeySecret": SECRET, "SecurityToken": TOKEN,
        "Expiration": "2099-01-01T00:00:00Z", "LastUpdated": "2026-01-01T00:00:00Z"}
data = {**DATA, "ram/security-credentials/": "reader", "ram/security-credentials/reader": json.dumps(role)}
with Metadata(address=("100.100.100.200", 80), data=data) as metadata:
    with Aliyun(folder, Authority("cloud"), keys={ACCESS_KEY_ID: (SECRET, TOKEN)}) as api:
        without = ("ALIBABA_CLOUD_ECS_METADATA_DISABLED", *sys.argv[2:])
        more = {"HTTP_PROXY": "http://127.0.0.1:1", "ALIBABA_CLOUD_SECURITY_TOKEN": TOKEN}
        done = discover(api, folder, "--vpc", "vpc-bp1lab", without=without, **more)
print(json.dumps([done.returncode, done.stdout, done.stderr, metadata.heard]))
"""


@pytest.mark.parametrize("keys", [True, False])
def test_the_role_of_an_instance(tmp_path, keys):
    """The role's credentials are asked for by token, by no proxy, and only where nothing else gives any."""
    if subprocess.run([*UNSHARE, "ip", "link"], capture_output=True, check=False).returncode:
        pytest.skip("no user namespaces, or no ip command")
    setup = 'ip link set lo up; ip address add 100.100.100.200/32 dev lo; exec "$@"'
    program = [sys.executable, "-c", _ON_AN_INSTANCE, str(tmp_path), *([] if keys else _IN_ENVIRONMENT)]
    done = subprocess.run(
        [*UNSHARE, "sh", "-ec", setup, "sh", *program],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    code, out, err, heard = json.loads(done.stdout)

    assert (code, err) == (0, "")
    assert SECRET not in out
    asked = {
        "/latest/api/token",
        "/latest/meta-data/ram/security-credentials/",
        "/latest/meta-data/ram/security-credentials/reader",
    }
    assert {path for _, path, _ in heard} == (set() if keys else asked)
    assert all(with_token for method, _, with_token in heard if method == "GET")
