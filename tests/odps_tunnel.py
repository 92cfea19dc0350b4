"""Rows as MaxCompute's tunnel sends them.

Records in the wire format of Protocol Buffers, each with its CRC-32C, and a footer with their number and the CRC-32C of
the checksums.
"""

import struct

from odps.tunnel.checksum import Checksum

_VARINT, _FIXED64, _BYTES = 0, 1, 2
_END_OF_RECORD, _COUNT, _CHECKSUM = 33553408, 33554430, 33554431


def encoded(rows, types, whole=True):
    """Rows as the tunnel sends them; not ``whole``: ends after the first row, without a footer."""
    out = bytearray()
    checksums = Checksum()
    for row in rows if whole else rows[:1]:
        checksum = Checksum()
        for number, (value, type_) in enumerate(zip(row, types, strict=True), 1):
            if value is None:
                continue
            checksum.update_int(number)
            if type_ == "bigint":
                checksum.update_long(value)
                out += _tag(number, _VARINT) + _varint(_zigzag(value))
            elif type_ == "double":
                checksum.update_double(value)
                out += _tag(number, _FIXED64) + struct.pack("<d", value)
            else:
                content = value.encode()
                checksum.update(content)
                out += _tag(number, _BYTES) + _varint(len(content)) + content
        crc = checksum.getvalue() & 0xFFFFFFFF
        out += _tag(_END_OF_RECORD, _VARINT) + _varint(crc)
        checksums.update_int(struct.unpack("<i", struct.pack("<I", crc))[0])
    if whole:
        out += _tag(_COUNT, _VARINT) + _varint(_zigzag(len(rows)))
        out += _tag(_CHECKSUM, _VARINT) + _varint(checksums.getvalue() & 0xFFFFFFFF)
    return bytes(out)


def _tag(number, wire):
    return _varint(number << 3 | wire)


def _zigzag(value):
    return (value << 1) ^ (value >> 63)


def _varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
