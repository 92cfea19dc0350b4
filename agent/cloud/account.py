"""Credentials out of the usual places, and the SDKs' clients for one region. Imports the SDKs: an extra.

The places are those of the SDK's own default chain, in its order; each is asked only where the ones before have
nothing, and says why it has none. No background thread renews anything: a look takes minutes. What comes over plain
HTTP (the role of an instance) never takes a proxy, and NO_PROXY counts, of which the SDKs know nothing.
"""

import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Any

from alibabacloud_credentials import provider
from alibabacloud_credentials.client import Client as Credentials
from alibabacloud_credentials.utils import auth_util
from alibabacloud_ecs20140526 import models as ecs_models
from alibabacloud_ecs20140526.client import Client as EcsClient
from alibabacloud_tea_openapi.utils_models import Config
from alibabacloud_vpc20160428 import models as vpc_models
from alibabacloud_vpc20160428.client import Client as VpcClient
from attrs import define, field, frozen
from darabonba.policy.retry import RetryCondition, RetryOptions
from darabonba.runtime import RuntimeOptions

from agent.cloud.actions import ECS, VPC, Action
from agent.cloud.trouble import CLOCK, CloudError
from reports import __version__, words
from reports.proxies import bypassed

# Milliseconds.
_CONNECT, _READ = 5_000, 30_000
_LONGEST = 200

# With DEBUG=sdk in the environment the SDKs would write headers, and so tokens, to stderr.
_TALKATIVE = ("alibabacloud-tea", "darabonba-core", "credentials")


@define(eq=False)
class Clock:
    """By how many seconds this machine's clock is ahead of the platform's, once it has refused a time stamp.

    The SDK shows the answer to whoever decides how long to wait before it tries again: it does so once, at once.
    """

    ahead: float | None = None

    def get_delay_time(self, context: Any) -> int:
        """The SDK's BackoffPolicy."""
        try:
            there = parsedate_to_datetime(context.http_response.headers["date"]).timestamp()
        except (AttributeError, KeyError, TypeError, ValueError):
            return 0
        self.ahead = round(time.time() - there)
        return 0


@frozen
class Clients:
    """A client for each service, the clock that they share, and what of the credentials is secret."""

    clock: Clock
    secrets: tuple[str, ...] = field(repr=False)
    _by_service: Mapping[str, Any] = field(repr=False)

    def endpoint(self, service: str) -> str:
        """Where the service is asked: HOST[:PORT]."""
        return str(self._by_service[service]._endpoint)  # noqa: SLF001 - the SDK has no other word for it

    def ask(self, action: Action, asked: Mapping[str, Any]) -> dict[str, Any]:
        """One call; parameters and answer by the API's own names. Raises whatever the SDK raises."""
        request = getattr(_MODELS[action.service], f"{action.name}Request")().from_map(asked)
        method = getattr(self._by_service[action.service], f"{action.method}_with_options")
        with _direct("http", *(["https"] if _exempt(self.endpoint(action.service)) else [])):
            answer = method(request, RuntimeOptions())
        found = {} if answer.body is None else dict(answer.body.to_map())
        if not found.get("RequestId"):  # which every answer of the platform has: the SDK takes anything for one
            raise ValueError("no answer of the API")
        return found


Places = Iterable[tuple[str, Callable[[], Any]]]

_CLIENTS = {ECS: EcsClient, VPC: VpcClient}
_MODELS = {ECS: ecs_models, VPC: vpc_models}


def connect(region: str, endpoints: Mapping[str, str], places: Places | None = None) -> Clients:
    """Clients for a region. ``endpoints``: by service, HOST[:PORT] in place of the public one.

    ``places``: where credentials may be, each as people know it and with what makes the SDK's provider; else the usual
    ones. Raises CloudError.
    """
    for name in _TALKATIVE:
        logging.getLogger(name).disabled = True
    with _direct("http"):
        credentials, secrets = _credentials(_usual_places() if places is None else places)
    clock = Clock()
    clients = {
        service: kind(
            Config(
                credential=credentials,
                region_id=region,
                endpoint=endpoints.get(service),
                connect_timeout=_CONNECT,
                read_timeout=_READ,
                retry_options=_once_more(clock),
                user_agent=f"linkdoctor/{__version__}",
            )
        )
        for service, kind in _CLIENTS.items()
    }
    return Clients(clock, secrets, clients)


@contextmanager
def _direct(*schemes: str) -> Iterator[None]:
    """Hide the proxies for these schemes from the SDKs."""
    names = [name for scheme in schemes for name in (f"{scheme}_proxy", f"{scheme}_proxy".upper())]
    hidden = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(hidden)


def _exempt(endpoint: str) -> bool:
    """Whether NO_PROXY exempts the endpoint."""
    host, _, port = endpoint.partition(":")
    no_proxy = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    return bypassed(host, int(port) if port.isdigit() else 443, no_proxy)


def _once_more(clock: Clock) -> Any:
    """How often the SDK itself tries again: once, where a time stamp was refused."""
    condition = RetryCondition({"maxAttempts": 2, "errorCode": list(CLOCK)})
    condition.backoff = clock
    options = RetryOptions()
    options.retry_condition = [condition]
    return options


def _usual_places() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Where credentials may be, as people know the place, and what gets them there."""
    yield (
        "ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET (ALIBABA_CLOUD_SECURITY_TOKEN)",
        provider.EnvironmentVariableCredentialsProvider,
    )
    if auth_util.enable_oidc_credential:
        yield "ALIBABA_CLOUD_OIDC_TOKEN_FILE, ALIBABA_CLOUD_ROLE_ARN", provider.OIDCRoleArnCredentialsProvider
    yield "~/.aliyun/config.json", provider.CLIProfileCredentialsProvider
    yield (
        auth_util.environment_credentials_file or "~/.alibabacloud/credentials.ini",
        provider.ProfileCredentialsProvider,
    )
    yield (
        "the RAM role of this ECS instance",
        lambda: provider.EcsRamRoleCredentialsProvider(async_update_enabled=False),
    )
    if auth_util.environment_credentials_uri:
        yield "ALIBABA_CLOUD_CREDENTIALS_URI", provider.URLCredentialsProvider


def _credentials(places: Places) -> tuple[Any, tuple[str, ...]]:
    """The SDK's credentials, of the first place that has some, and what is secret in them."""
    lacking = []
    for place, make in places:
        try:
            credentials = Credentials(provider=make())
            found = credentials.get_credential()
        except Exception as error:  # noqa: BLE001 - the providers raise what their libraries raise
            lacking.append(f"  {place}: {_reason(error)}")
            continue
        secrets = (found.access_key_id, found.access_key_secret, found.security_token)
        return credentials, tuple(secret for secret in secrets if secret)
    raise CloudError("\n".join(["there are no credentials for the cloud's API in any of the usual places:", *lacking]))


def _reason(error: Exception) -> str:
    """Why a place has nothing: of a message all before what may be an answer, which may hold a secret."""
    if type(error).__name__ != "CredentialException":
        return "nothing answers" if isinstance(error, OSError) or "Retry" in type(error).__name__ else "not usable"
    said = str(error).partition("{")[0].partition("result:")[0]
    return words.visible(said[:_LONGEST].strip(" .,:$"))
