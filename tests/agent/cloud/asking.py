"""The real SDKs, pointed at the API of tests/aliyun_server.py."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from alibabacloud_credentials.provider import StaticAKCredentialsProvider, StaticSTSCredentialsProvider

from agent.cloud.account import connect
from agent.cloud.calls import Cloud, Patience
from agent.cloud.inventory import Scope, read
from agent.cloud.trouble import CloudError
from tests.aliyun_cloud import REGION, VPC
from tests.aliyun_server import ACCESS_KEY_ID, SECRET, TOKEN

LINKDOCTOR = Path(sys.executable).parent / "linkdoctor"
ROOT = Path(__file__).parents[3]

LAB = Scope(vpcs=(VPC,))
NONE_OF = re.compile("|".join(map(re.escape, (SECRET, TOKEN, ACCESS_KEY_ID, "CAIS%2F"))))


def static(secret=SECRET, token=""):
    """Where credentials are, for account.connect."""
    if token:
        keys = {"access_key_id": ACCESS_KEY_ID, "access_key_secret": secret, "security_token": token}
        return [("the test", lambda: StaticSTSCredentialsProvider(**keys))]
    return [("the test", lambda: StaticAKCredentialsProvider(access_key_id=ACCESS_KEY_ID, access_key_secret=secret))]


def cloud(endpoint, *, region=REGION, places=None, slept=None, patience=None):
    """The API of one region; ``slept`` hears how long was waited, and nothing is."""
    endpoints = {"ecs": endpoint, "vpc": endpoint}
    waited = [] if slept is None else slept
    return Cloud(region, connect(region, endpoints, places or static()), patience or Patience(), waited.append)


def found(api, scope=LAB, **options):
    """What is read."""
    return read(cloud(api.endpoint, **options), scope, lambda _: None)


def wrong(api, scope=LAB, **options):
    """What is said where nothing can be read; no secret is in it."""
    with pytest.raises(CloudError) as caught:
        found(api, scope, **options)
    said = str(caught.value)
    assert not NONE_OF.search(said)
    return said


def environment(api, folder, **more):
    """All that the command needs to know, and nothing of this machine's own."""
    (folder / "ca.pem").write_text(api.authority.pem)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "SSL_CERT_FILE": str(folder / "ca.pem"),
        "ALIBABA_CLOUD_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": SECRET,
        "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true",
        **more,
    }


def arguments(api, output, *more):
    """What is typed."""
    where = ("--region", REGION, "--endpoint", f"ecs={api.endpoint}", "--endpoint", f"vpc={api.endpoint}")
    return [str(LINKDOCTOR), "discover", *where, "--output", str(output), *more]


def discover(api, folder, *more, output="plan.yaml", without=(), **variables):
    """The command as a user runs it, where there is no terminal."""
    env = {key: value for key, value in environment(api, folder, **variables).items() if key not in without}
    return subprocess.run(
        arguments(api, folder / output, *more), capture_output=True, text=True, env=env, timeout=60, check=False
    )
