"""The project to run in and the credentials, out of the usual environment; see docs/submit.md for the names."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from odps import ODPS, accounts, options

from agent.submit.trouble import SubmitError

_PROJECT = ("ODPS_PROJECT_NAME", "ODPS_PROJECT")
_ENDPOINT = ("ODPS_ENDPOINT",)
_TUNNEL = ("ODPS_TUNNEL_ENDPOINT",)
_KEYS = (
    ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN"),
    ("ODPS_ACCESS_ID", "ODPS_ACCESS_KEY", ""),
)

# Seconds, and how often again; PyODPS would wait for two minutes, five times over.
_CONNECT, _READ, _RETRIES = 10, 60, 2

# What PyODPS's accounts call what nobody may see.
_SECRETS = ("secret_access_key", "sts_token", "token")


def connect(environment: Mapping[str, str]) -> ODPS:
    """PyODPS's entry for the project that the environment names. Raises SubmitError with all that is missing."""
    account = _account(environment)
    project, endpoint = _first(environment, _PROJECT), _first(environment, _ENDPOINT)
    missing = [
        *(["the project: ODPS_PROJECT_NAME"] if not project else []),
        *(["the endpoint: ODPS_ENDPOINT (https://service.REGION.maxcompute.aliyun.com/api)"] if not endpoint else []),
        *(["the credentials: ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET"] if not account else []),
    ]
    if missing:
        raise SubmitError("\n  ".join(["the environment does not say where to submit:", *missing]))
    # PyODPS logs tokens at level INFO.
    logging.getLogger("odps").setLevel(logging.WARNING)
    options.connect_timeout, options.read_timeout, options.retry_times = _CONNECT, _READ, _RETRIES
    return ODPS(**account, project=project, endpoint=endpoint, tunnel_endpoint=_first(environment, _TUNNEL))


def secrets_of(o: ODPS) -> tuple[str, ...]:
    """What must not be shown of an entry's account."""
    found: Iterable[Any] = (getattr(o.account, name, None) for name in _SECRETS)
    return tuple(value for value in found if isinstance(value, str) and value)


def _account(environment: Mapping[str, str]) -> dict[str, Any]:
    """What ODPS is to be called with; nothing where there are no credentials."""
    # ODPS_STS_..., ODPS_BEARER_TOKEN...: PyODPS reads these itself, and again when they expire.
    account = accounts.from_environments()
    if account is not None:
        return {"account": account}
    for key, secret, token in _KEYS:
        if environment.get(key) and environment.get(secret):
            given = environment[key], environment[secret]
            if environment.get(token):
                return {"account": accounts.StsAccount(*given, environment[token], expired_hours=None)}
            return dict(zip(("access_id", "secret_access_key"), given, strict=True))
    return {}


def _first(environment: Mapping[str, str], names: Iterable[str]) -> str | None:
    return next((environment[name] for name in names if environment.get(name)), None)
