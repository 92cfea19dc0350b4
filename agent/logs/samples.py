"""A line of a log as it may be kept: a bounded part of it, without what looks like a secret."""

import re

from agent.plan.secrets import HIDDEN, without_secrets

_LONGEST = 300
_BEFORE = 60
# Masking takes time that grows with the square of the length, at worst.
_LOOKED_AT = 1200
_FIRST_WORDS = re.compile(r"\S*\s*(?:\S+\s+){0,3}")

# What without_secrets does not know: it reads settings, and a log holds anything.
_MORE = (
    # A password may hold an @ itself.
    (re.compile(r"//[^\s/'\"]*@"), f"//{HIDDEN}@"),
    (re.compile(r"(?<=:thin:)[^\s@'\"]+@"), f"{HIDDEN}@"),
    (re.compile(r"\b(?:LTAI|STS\.|AKIA)[A-Za-z0-9]{8,}"), HIDDEN),
    (re.compile(r"\beyJ[\w-]{8,}(?:\.[\w-]+)*"), HIDDEN),
    (
        re.compile(
            r"((?:passw(?:or)?d|passphrase|pwd|secret|token|credentials?|access[ _.-]?key(?:[ _.-]?(?:id|secret))?"
            r"|signature|api[ _.-]?key|sign?|\bsk|\bak)['\"]?"
            r"\s*(?:=>|[:=])\s*)(?!\*\*\*)(?:'[^']*'?|\"[^\"]*\"?|[^\s&;,'\"}]+)",
            re.IGNORECASE,
        ),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"([?&](?:key|sig|auth|ticket|code)=)[^&\s'\"]+", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(r"(authorization['\"]?\s*[:=]\s*).{0,2000}", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(r"(\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(r"(\s(?:-p|--password[= ]))\S+"), rf"\1{HIDDEN}"),
)


def sample(line: str, at: int = 0) -> str:
    """The part of the line around a position. Secrets are taken out before it is cut to its length."""
    start = max(0, at - _LOOKED_AT // 3)
    piece = line[start : start + _LOOKED_AT]
    if start:
        # The first words may be a secret whose name is cut off.
        piece = _FIRST_WORDS.sub("", piece)
    text = " ".join(masked(piece).split())
    if len(text) <= _LONGEST and not start:
        return text
    # What stands before the position, as long as it is now.
    before = len(" ".join(masked(line[line.find(piece) : at]).split()))
    first = max(0, min(before - _BEFORE, len(text) - _LONGEST))
    return ("..." if start or first else "") + text[first : first + _LONGEST - 6] + "..."


def masked(text: str) -> str:
    """The text without what looks like a secret."""
    for pattern, instead in _MORE:
        text = pattern.sub(instead, text)
    return without_secrets("", text)
