"""Templates against scapy, which built them, and the cookies by which answers are known."""

import logging
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.sweep import packets

with pytest.MonkeyPatch.context() as patch:
    # It warns of interfaces without IPv6 while it is imported.
    patch.setattr(logging.root, "disabled", True)
    from scapy.layers.inet import ICMP, IP, TCP
    from scapy.layers.inet6 import ICMPv6EchoRequest, ICMPv6ND_NS, ICMPv6NDOptSrcLLAddr, IPv6
    from scapy.layers.l2 import ARP, Ether

NOBODY, NOWHERE = "00:00:00:00:00:00", "0.0.0.0"
SOURCE, TARGET = "10.1.0.2", "10.64.200.7"
MAC = "02:00:00:00:00:05"


def packed(address):
    """An IPv4 address as it is sent."""
    return bytes(map(int, address.split(".")))


def test_templates_are_what_scapy_builds():
    """Byte for byte."""
    ip = IP(id=0, flags="DF", src=NOWHERE, dst=NOWHERE)
    built = {
        "syn": ip / TCP(sport=0, dport=0, flags="S", window=64240, options=[("MSS", 1460)]),
        "echo": ip / ICMP(id=0, seq=0) / bytes(4),
        "arp": Ether(dst="ff:ff:ff:ff:ff:ff", src=NOBODY) / ARP(hwsrc=NOBODY, psrc=NOWHERE, hwdst=NOBODY, pdst=NOWHERE),
        "solicitation": IPv6(src="::", dst="::") / ICMPv6ND_NS(tgt="::") / ICMPv6NDOptSrcLLAddr(lladdr=NOBODY),
    }

    assert bytes(built["syn"]) == packets.SYN
    assert bytes(built["echo"]) == packets.ECHO
    assert bytes(built["arp"]) == packets.ARP
    # Without the IPv6 header and the checksum, which the kernel makes.
    message = bytes(built["solicitation"])[40:]
    assert message[:2] + bytes(2) + message[4:] == packets.SOLICITATION


@given(cookie=st.integers(0, 0xFFFFFFFF), port=st.integers(1, 65535), last=st.integers(0, 0xFFFF))
def test_patched_syn(cookie, port, last):
    """Whatever is patched in, the checksum is the one that scapy computes."""
    address = (10 << 24) | (64 << 16) | last
    room = bytearray(2 * (16 + packets.Syn4.size))
    packets.Syn4(packed(SOURCE), 40000).fill(room, port, [0, address], [0, cookie])
    to, read = room[-packets.Syn4.size - 16 :][:16], IP(bytes(room[-packets.Syn4.size :]))
    same = IP(id=0, flags="DF", src=SOURCE, dst=read.dst) / TCP(
        sport=40000, dport=port, seq=cookie, flags="S", window=64240, options=[("MSS", 1460)]
    )

    assert to == struct.pack("=H", socket.AF_INET) + bytes(2) + packed(read.dst) + bytes(8)
    assert (read[TCP].dport, read[TCP].seq, int.from_bytes(packed(read.dst), "big")) == (port, cookie, address)
    # 0 and 0xFFFF are the same sum.
    assert IP(bytes(same))[TCP].chksum % 0xFFFF == read[TCP].chksum % 0xFFFF


@given(cookie=st.integers(0, 0xFFFFFFFF), identifier=st.integers(0, 0xFFFF), tag=st.integers(0, 0xFFFF))
def test_patched_echo(cookie, identifier, tag):
    """As above; the sequence number is the address's tag, and the cookie is carried."""
    room = bytearray(2 * (16 + packets.Echo4.size))
    target = int.from_bytes(packed(TARGET), "big")
    packets.Echo4(packed(SOURCE), identifier).fill(room, [0, target], [0, tag], [0, cookie])
    to, read = room[-packets.Echo4.size - 16 :][:16], IP(bytes(room[-packets.Echo4.size :]))
    same = IP(src=SOURCE, dst=TARGET) / ICMP(id=identifier, seq=tag) / struct.pack(">I", cookie)

    assert to == struct.pack("=H", socket.AF_INET) + bytes(2) + packed(TARGET) + bytes(8)
    assert (read.src, read.dst, read[ICMP].id, read[ICMP].seq) == (SOURCE, TARGET, identifier, tag)
    assert bytes(read[ICMP].payload) == struct.pack(">I", cookie)
    assert IP(bytes(same))[ICMP].chksum % 0xFFFF == read[ICMP].chksum % 0xFFFF


def test_messages_without_header():
    """Those of IPv6, and of ping sockets."""
    segment = TCP(packets.syn(40000, 8020, 77))
    message = ICMPv6EchoRequest(packets.echo(128, 5, 0x123, 0x12345678, b"\1\2\3\4"))

    assert (segment.sport, segment.dport, segment.seq, str(segment.flags)) == (40000, 8020, 77, "S")
    assert segment.options[0] == ("MSS", 1460)
    assert (message.id, message.seq, message.data) == (5, 0x123, b"\x12\x34\x56\x78\1\2\3\4")


def test_neighbours():
    """Who has ... says what ARP and neighbour discovery expect, and who asks."""
    hardware = bytes.fromhex(MAC.replace(":", ""))
    asked = Ether(packets.arp_request(hardware, packed(SOURCE), packed(TARGET)))
    solicited = ICMPv6ND_NS(packets.solicitation(hardware, bytes(15) + b"\x09"))

    assert (asked.dst, asked.src) == ("ff:ff:ff:ff:ff:ff", MAC)
    assert (asked[ARP].op, asked[ARP].hwsrc, asked[ARP].psrc, asked[ARP].pdst) == (1, MAC, SOURCE, TARGET)
    assert (solicited.tgt, solicited[ICMPv6NDOptSrcLLAddr].lladdr) == ("::9", MAC)


SECOND = 1_000_000_000
addresses = st.binary(min_size=4, max_size=4)


@given(address=addresses, sent=st.integers(0, 1 << 62), ticks=st.integers(0, 400_000))
def test_cookie_tells_its_age(address, sent, ticks):
    """To the tick of 16 us, up to eight seconds."""
    cookies = packets.Cookies(packets.secret(), b"\x1f\x54")
    age = cookies.age(address, cookies.make(address, sent), sent + (ticks << 14))

    assert age == pytest.approx((ticks << 14) / 1e9, abs=2e-5)
    assert age > 0


@given(address=addresses, sent=st.integers(0, 1 << 62))
def test_late_answers_count_for_nothing(address, sent):
    """After eight seconds a cookie is nobody's."""
    cookies = packets.Cookies(packets.secret())

    assert cookies.age(address, cookies.make(address, sent), sent + 9 * SECOND) is None


def test_foreign_answers_count_for_nothing():
    """Of the cookies of other addresses, ports and sweeps not one in a thousand fits."""
    ours, now = packets.Cookies(packets.secret(), b"\0\x50"), 1 << 60
    other_port, other_sweep = packets.Cookies(packets.secret(), b"\0\x51"), packets.Cookies(packets.secret())
    targets = [number.to_bytes(4, "big") for number in range(1000)]
    # It acknowledges what was never sent.
    assert sum(ours.age(target, ours.make(target, now) + 1, now) is not None for target in targets) < 5
    for foreign in (other_port, other_sweep):
        assert sum(ours.age(target, foreign.make(target, now), now) is not None for target in targets) < 5
    assert sum(ours.age(target, ours.make(target[::-1] + b"x", now), now) is not None for target in targets) < 5


def test_tag():
    """What an ICMP error quotes at least of an echo is its address's."""
    ours, theirs = packets.Tags(packets.secret()), packets.Tags(packets.secret())
    targets = [number.to_bytes(4, "big") for number in range(1000)]

    assert ours.of(targets[0]) == ours.of(targets[0])
    assert sum(ours.of(target) == theirs.of(target) for target in targets) < 5
    assert len({ours.of(target) for target in targets}) > 950
