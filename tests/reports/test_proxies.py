import urllib.request

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.model import Target
from reports.proxies import bypassed, parse, proxy_for

HTTP_TARGET = Target(name="web", host="www.example.com", port=80, service="http")
HTTPS_TARGET = Target(name="web", host="www.example.com", port=443, service="https")


@pytest.mark.parametrize(
    ("environment", "target", "expected"),
    [
        ({}, HTTP_TARGET, None),
        ({"HTTP_PROXY": "http://proxy:3128"}, HTTP_TARGET, "proxy:3128"),
        ({"HTTP_PROXY": "http://proxy:3128"}, HTTPS_TARGET, None),
        ({"HTTPS_PROXY": "proxy:3128"}, HTTPS_TARGET, "proxy:3128"),
        ({"https_proxy": "http://lower:1", "HTTPS_PROXY": "http://upper:2"}, HTTPS_TARGET, "lower:1"),
        ({"https_proxy": "", "HTTPS_PROXY": "http://upper:2"}, HTTPS_TARGET, None),
        ({"HTTP_PROXY": "http://forged:1", "REQUEST_METHOD": "GET"}, HTTP_TARGET, None),
        ({"http_proxy": "http://set:1", "REQUEST_METHOD": "GET"}, HTTP_TARGET, "set:1"),
        ({"ALL_PROXY": "http://all:1"}, HTTP_TARGET, "all:1"),
        ({"ALL_PROXY": "http://all:1", "HTTP_PROXY": "http://own:2"}, HTTP_TARGET, "own:2"),
        ({"HTTP_PROXY": "http://proxy:3128", "NO_PROXY": "example.com"}, HTTP_TARGET, None),
        ({"HTTP_PROXY": "http://proxy:3128", "no_proxy": "other", "NO_PROXY": "*"}, HTTP_TARGET, "proxy:3128"),
        ({"ALL_PROXY": "socks5://socks:1080"}, HTTP_TARGET, None),
        ({"HTTP_PROXY": "http://proxy:notaport"}, HTTP_TARGET, None),
        ({"HTTP_PROXY": "http://["}, HTTP_TARGET, None),
        ({"HTTP_PROXY": "proxy"}, HTTP_TARGET, "proxy:80"),
        ({"HTTP_PROXY": "https://proxy"}, HTTP_TARGET, "proxy:443"),
        ({"HTTP_PROXY": "http://[2001:db8::1]:3128"}, HTTP_TARGET, "[2001:db8::1]:3128"),
        ({"HTTP_PROXY": "http://p:1"}, Target(name="m", host="h", port=80, service="maxcompute"), "p:1"),
        ({"HTTPS_PROXY": "http://p:1"}, Target(name="m", host="h", port=443, service="maxcompute"), "p:1"),
        ({"ALL_PROXY": "http://p:1"}, Target(name="db", host="h", port=3306, service="mysql"), None),
        ({"ALL_PROXY": "http://p:1"}, Target(name="t", host="h", port=443, service="tls"), None),
    ],
)
def test_which_proxy(environment, target, expected):
    """The scheme's variable, then ALL_PROXY; lower case wins; only for what speaks HTTP."""
    proxy = proxy_for(target, environment)

    assert expected == (proxy and proxy.address)


@pytest.mark.parametrize(
    ("no_proxy", "host", "port", "expected"),
    [
        ("", "a.example", 80, False),
        ("*", "a.example", 80, True),
        ("a.example", "a.example", 80, True),
        ("A.Example", "a.example.", 80, True),
        ("example", "a.example", 80, True),
        (".example", "a.example", 80, True),
        (".a.example", "a.example", 80, True),
        ("ample", "a.example", 80, False),
        ("b.a.example", "a.example", 80, False),
        ("*.example", "a.example", 80, False),
        ("x, a.example ,y", "a.example", 80, True),
        ("x a.example", "a.example", 80, True),
        ("a.example:8080", "a.example", 8080, True),
        ("a.example:8080", "a.example", 80, False),
        ("a.example:http", "a.example", 80, False),
        ("10.0.0.0/8", "10.1.2.3", 80, True),
        ("10.0.0.0/8", "11.1.2.3", 80, False),
        ("10.0.0.0/8", "a.example", 80, False),
        ("10.0.0.0/8", "2001:db8::1", 80, False),
        ("10.1.2.3/8", "10.9.9.9", 80, True),
        ("10.0.0.0/99", "10.1.2.3", 80, False),
        ("10.1.2.3", "10.1.2.3", 80, True),
        ("2.3", "10.1.2.3", 80, False),
        ("10.1.2.3:81", "10.1.2.3", 80, False),
        ("2001:db8::/32", "2001:db8::1", 80, True),
        ("2001:DB8:0::1", "2001:db8::1", 80, True),
        ("[2001:db8::1]", "2001:db8::1", 80, True),
        ("[2001:db8::1]:80", "2001:db8::1", 80, True),
        ("[2001:db8::1]:81", "2001:db8::1", 80, False),
        (",,,", "a.example", 80, False),
        (".", "a.example", 80, False),
    ],
)
def test_no_proxy(no_proxy, host, port, expected):
    """Names match at a dot, addresses by equality or CIDR, ports where they are given."""
    assert expected == bypassed(host, port, no_proxy)


LABELS = st.sampled_from(["a", "b", "ab", "example", "com", ""])
NAMES = st.lists(LABELS, min_size=1, max_size=3).map(".".join)


@given(host=st.lists(st.sampled_from(["a", "b", "ab", "com"]), min_size=1, max_size=3).map(".".join), entry=NAMES)
def test_names_as_urllib_does(host, entry):
    """Names without ports are exempt exactly where Python's own urllib exempts them."""
    expected = bool(urllib.request.proxy_bypass_environment(host, {"no": entry}))
    if entry.endswith("."):
        expected = bypassed(host, 80, entry.rstrip("."))  # urllib does not know the root's dot

    assert expected == bypassed(host, 80, entry)


@given(host=st.text(), no_proxy=st.text())
def test_no_text_raises(host, no_proxy):
    """Whatever is in the environment, there is an answer."""
    proxy = parse(no_proxy)

    assert bypassed(host, 80, no_proxy) in (True, False)
    assert proxy is None or proxy.host


def test_credentials_are_kept_apart():
    """User and password are decoded for the header and appear in no other text."""
    proxy = parse("http://us%40er:s%3Acret@proxy.example:3128/", "HTTP_PROXY")

    assert proxy.authorization == "Basic dXNAZXI6czpjcmV0"
    assert proxy.address == "proxy.example:3128"
    assert "cret" not in repr(proxy) + str(proxy)
    assert proxy.masked("denied s:cret (dXNAZXI6czpjcmV0)") == "denied *** (***)"


def test_no_credentials():
    """Without user and password there is no header, and nothing to mask."""
    proxy = parse("http://proxy.example:3128")

    assert proxy.authorization is None
    assert proxy.masked("text") == "text"
