"""Text files that a plan is made of, read within bounds. What cannot be read is said as Wrong."""

import re
from pathlib import Path

from agent.plan.problems import Wrong

# YAML 1.2.2, 5.1: what is printable. The line breaks of YAML 1.1 (NEL, LS, PS) are left out as well: editors do not
# count them as lines, and no plan needs them.
# What is not printable, by the few that there are: what is printable takes far longer to compile.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
_MEGABYTE = 1 << 20


class WrongAt(Wrong):
    """Wrong at one line of a text."""

    def __init__(self, message: str, line: int, advice: str = "") -> None:
        super().__init__(message, advice=advice)
        self.line: int | None = line
        self.column: int | None = None


def read_bytes(path: Path, limit: int) -> bytes:
    """The file's content, at most ``limit`` bytes of it."""
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except FileNotFoundError:
        raise Wrong("no such file") from None
    except IsADirectoryError:
        raise Wrong("is a directory, not a file") from None
    except OSError as error:
        raise Wrong(f"cannot be read: {error.strerror or error}") from None
    except ValueError:
        # A NUL, or a character that the file system's encoding lacks.
        raise Wrong("is no file name") from None
    if len(content) > limit:
        raise Wrong("is too large", f"up to {limit // _MEGABYTE} MB")
    return content


def decode(content: bytes) -> str:
    """UTF-8 text without its byte order mark."""
    if b"\0" in content:
        raise Wrong("is binary", "UTF-8 text")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise WrongAt(f"byte 0x{content[error.start]:02x} is not UTF-8", line, "save the file as UTF-8") from None
    return text


def printable(text: str) -> str:
    """The text, which holds no control characters."""
    found = _UNPRINTABLE.search(text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        raise WrongAt(f"control character U+{ord(found[0]):04X}", line, "remove it")
    return text


def read_text(path: Path, limit: int) -> str:
    """The printable UTF-8 text of a file."""
    return printable(decode(read_bytes(path, limit)))
