"""What looks like a secret, by the name it goes by. Probes need none, so none is kept."""

import re

from reports.model import Setting

HIDDEN = "***"
_LONGEST_VALUE = 65536

_NAME = re.compile(
    r"access[._-]?(?:key|id)|secret|passw(?:or)?d|passphrase|token|credential|signature|authorization"
    r"|private[._-]?key|api[._-]?key|(?:^|[._-])(?:pwd|sts|ak|sk|sig|sign|auth|key)(?:$|[._-])",
    re.IGNORECASE,
)
_USER_INFO = re.compile(r"//[^/@\s]*@")
_BEFORE_AT = re.compile(r"\A([A-Za-z][A-Za-z0-9+.:_-]*://)?.*@", re.DOTALL)
_WORD = r"[\w.-]*(?:passw|secret|token|access_?key|signature)[\w.-]*"
# password=..., "password": "...": what options, connection strings and JSON hide in one value.
_ASSIGNED = re.compile(rf"""({_WORD}=|["']{_WORD}["']\s*:\s*)("[^"]*"?|'[^']*'?|[^&;,\s}}]+)""", re.IGNORECASE)


def is_secret_name(name: str) -> bool:
    """Whether a setting or a URL's parameter of this name is likely to hold a secret."""
    return _NAME.search(name) is not None


def without_secrets(name: str, value: str) -> str:
    """The value of a setting as it may be kept."""
    if is_secret_name(name):
        return HIDDEN
    return _ASSIGNED.sub(rf"\1{HIDDEN}", _USER_INFO.sub(f"//{HIDDEN}@", value))


def harmless_setting(key: str, value: str, place: str) -> Setting:
    """A setting without what is secret in it."""
    return Setting(key=key, value=without_secrets(key, value)[:_LONGEST_VALUE], source=place)


def without_user_info(address: str) -> str:
    """An address as it may stand in a message: nothing before an @ but the scheme, and no parameters."""
    path, question, _ = _BEFORE_AT.sub(rf"\1{HIDDEN}@", address).partition("?")
    return path + (question and f"?{HIDDEN}")
