"""What an X.509 certificate says of itself, read from its DER bytes without any other package.

``ssl`` tells nothing of a certificate that it did not accept, and that is the one to be explained. Only what a person
needs is read: for whom, by whom, from when, until when. Signatures are OpenSSL's business. Sources: X.690 (DER),
RFC 5280 section 4.1 (the fields), RFC 4514 (names as text).
"""

import calendar
import ipaddress
import re
import time
from typing import Dict, Iterator, List, Tuple

from attrs import frozen

# The largest certificate that is read, and how many names of it are kept.
LARGEST = 65536
MOST_NAMES = 100

_BOOLEAN = 0x01
_OCTET_STRING = 0x04
_OID = 0x06
_UTC_TIME = 0x17
_GENERALIZED_TIME = 0x18
_SEQUENCE = 0x30
_VERSION = 0xA0  # [0] EXPLICIT
_EXTENSIONS = 0xA3  # [3] EXPLICIT
_DNS_NAME = 0x82  # GeneralName [2] IMPLICIT IA5String
_IP_ADDRESS = 0x87  # GeneralName [7] IMPLICIT OCTET STRING

# More than any that is assigned; its numbers are without an end otherwise.
_LONGEST_OID = 256
_SUBJECT_ALT_NAME = "2.5.29.17"

# The short names of RFC 4514 section 3; other types stand as their number.
_SHORT: Dict[str, str] = {
    "2.5.4.3": "CN",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.9": "STREET",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "0.9.2342.19200300.100.1.1": "UID",
    "0.9.2342.19200300.100.1.25": "DC",
}

# String types that are not close enough to UTF-8.
_CODECS: Dict[int, str] = {0x14: "latin-1", 0x1C: "utf-32-be", 0x1E: "utf-16-be"}

_TIMES: Dict[int, "re.Pattern[str]"] = {
    _UTC_TIME: re.compile(r"(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z", re.ASCII),
    _GENERALIZED_TIME: re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z", re.ASCII),
}


class CertificateError(ValueError):
    """The bytes are not a certificate. The only error of this module."""


@frozen(kw_only=True)
class Certificate:
    """``subject`` and ``issuer`` as RFC 4514 writes them, most specific first; times in Unix seconds.

    ``names``: the DNS names and addresses that it is for. ``self_signed``: it names itself as its issuer.
    """

    subject: str
    issuer: str
    names: Tuple[str, ...]
    not_before: int
    not_after: int
    self_signed: bool


def read(der: bytes) -> Certificate:
    """The certificate in these bytes. Raises CertificateError, whatever they are."""
    if len(der) > LARGEST:
        raise CertificateError("%d bytes are more than a certificate has" % len(der))
    certificate = _Reader(_Reader(der).take(_SEQUENCE))
    fields = _Reader(certificate.take(_SEQUENCE))
    if fields.next_tag() == _VERSION:
        fields.take(_VERSION)
    fields.skip(2)  # serial number, signature algorithm
    issuer = fields.take(_SEQUENCE)
    validity = _Reader(fields.take(_SEQUENCE))
    subject = fields.take(_SEQUENCE)
    fields.skip(1)  # public key
    return Certificate(
        subject=_name(subject),
        issuer=_name(issuer),
        names=_alternative_names(fields),
        not_before=_time(validity),
        not_after=_time(validity),
        self_signed=subject == issuer,
    )


class _Reader:
    """Elements of DER one after the other: a tag of one byte, a definite length, the content."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def next_tag(self) -> int:
        return self._data[self._at] if self else -1

    def any(self) -> Tuple[int, bytes]:
        head = self._data[self._at : self._at + 2]
        if len(head) < 2:
            raise CertificateError("the element at byte %d is cut off" % self._at)
        tag, length = head
        start = self._at + 2
        if length >= 0x80:
            width = length & 0x7F
            octets = self._data[start : start + width]
            if not 1 <= width <= 4 or len(octets) < width:
                raise CertificateError("the length at byte %d is not DER" % self._at)
            length = int.from_bytes(octets, "big")
            start += width
        content = self._data[start : start + length]
        if len(content) < length:
            raise CertificateError("the element at byte %d is cut off" % self._at)
        self._at = start + length
        return tag, content

    def take(self, wanted: int) -> bytes:
        tag, content = self.any()
        if tag != wanted:
            raise CertificateError("tag 0x%02x stands where 0x%02x belongs" % (tag, wanted))
        return content

    def skip(self, count: int) -> None:
        for _ in range(count):
            self.any()

    def rest(self) -> Iterator[Tuple[int, bytes]]:
        while self:
            yield self.any()


def _name(content: bytes) -> str:
    """Relative names are joined by ``,`` from the last to the first, the parts of one by ``+`` (RFC 4514 section 2)."""
    relative = []
    for _, attributes in _Reader(content).rest():
        parts = []
        for _, attribute in _Reader(attributes).rest():
            pair = _Reader(attribute)
            kind = _object_id(pair.take(_OID))
            tag, value = pair.any()
            parts.append("%s=%s" % (_SHORT.get(kind, kind), _escaped(_text(tag, value))))
        relative.append("+".join(parts))
    return ",".join(reversed(relative))


def _text(tag: int, value: bytes) -> str:
    return value.decode(_CODECS.get(tag, "utf-8"), "replace")


def _escaped(value: str) -> str:
    """RFC 4514 section 2.4: what would end the value is escaped."""
    text = re.sub(r'([\\,+"<>;])', r"\\\1", value).replace("\0", "\\00")
    if text[:1] in ("#", " "):
        text = "\\" + text
    if text[-1:] == " " and len(value) > 1:
        text = text[:-1] + "\\ "
    return text


def _object_id(content: bytes) -> str:
    """X.690 section 8.19: base 128, the first two numbers in one."""
    if len(content) > _LONGEST_OID:
        raise CertificateError("an object identifier of %d bytes" % len(content))
    numbers: List[int] = []
    number = 0
    for octet in content:
        number = number << 7 | octet & 0x7F
        if octet < 0x80:
            numbers.append(number)
            number = 0
    if not numbers:
        raise CertificateError("an object identifier is empty")
    first = min(numbers[0] // 40, 2)
    return ".".join(str(part) for part in [first, numbers[0] - 40 * first, *numbers[1:]])


def _time(validity: _Reader) -> int:
    """RFC 5280 section 4.1.2.5: always UTC, always with seconds; two digits of a year mean 1950 to 2049."""
    tag, content = validity.any()
    matched = tag in _TIMES and _TIMES[tag].fullmatch(content.decode("latin-1"))
    if not matched:
        raise CertificateError("%r is no time" % content[:20])
    year, month, day, hour, minute, second = (int(part) for part in matched.groups())
    if tag == _UTC_TIME:
        year += 1900 if year >= 50 else 2000
    try:
        parsed = time.strptime("%04d %d %d %d %d %d" % (year, month, day, hour, minute, second), "%Y %m %d %H %M %S")
    except ValueError:
        raise CertificateError("%r is no time" % content[:20]) from None
    return calendar.timegm(parsed)


def _alternative_names(fields: _Reader) -> Tuple[str, ...]:
    for tag, content in fields.rest():
        if tag != _EXTENSIONS:
            continue
        for _, extension in _Reader(_Reader(content).take(_SEQUENCE)).rest():
            parts = _Reader(extension)
            if _object_id(parts.take(_OID)) != _SUBJECT_ALT_NAME:
                continue
            if parts.next_tag() == _BOOLEAN:
                parts.skip(1)
            return tuple(_general_names(_Reader(_Reader(parts.take(_OCTET_STRING)).take(_SEQUENCE))))[:MOST_NAMES]
    return ()


def _general_names(names: _Reader) -> Iterator[str]:
    for tag, value in names.rest():
        if tag == _DNS_NAME:
            yield value.decode("ascii", "replace")
        elif tag == _IP_ADDRESS and len(value) in (4, 16):
            yield str(ipaddress.ip_address(value))
