"""The formats of setting values: what is read, what is wrong, how it was meant."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.maxcompute import formats
from reports.maxcompute.formats import PROBLEMS, access_list, eni_info, network_link, shown, switch, vpc_domain_list


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("www.aliyun.com:80", [("www.aliyun.com", 80)]),
        ("restapi.amap.com:443,restapi.amap.com:80", [("restapi.amap.com", 443), ("restapi.amap.com", 80)]),
        ("192.0.2.1:8080", [("192.0.2.1", 8080)]),
        ("WWW.Aliyun.com.:80", [("www.aliyun.com", 80)]),
        ("a.com:80,a.com:80", [("a.com", 80)]),
        ("_srv.a-b.com:65535", [("_srv.a-b.com", 65535)]),
        ("a.com:80;", [("a.com", 80)]),  # the documentation's own example of a file ends so
        (" a.com:80 ; ", [("a.com", 80)]),
        ("", []),
    ],
)
def test_good_access_lists(text, expected):
    """HOST:PORT joined by commas is read, each entry once, hosts in lower case."""
    actual, problems = access_list(text)

    assert (tuple(expected), ()) == (actual.entries, problems)


@pytest.mark.parametrize(
    ("text", "word", "corrected"),
    [
        ("a.com:80,", "entry_empty", ""),
        (",a.com:80", "entry_empty", ""),
        ("a.com", "entry_no_port", ""),
        ("a.com:", "entry_no_port", ""),
        ("known.com", "entry_no_port", "known.com:443"),
        ("http://a.com", "entry_scheme", "a.com:80"),
        ("https://a.com", "entry_scheme", "a.com:443"),
        ("https://a.com:8443/path", "entry_scheme", "a.com:8443"),
        ("ftp://a.com", "entry_scheme", ""),
        ("a.com:80/path", "entry_path", "a.com:80"),
        ("10.0.0.0/8:80", "entry_path", ""),
        ("b.com:1, a.com:80", "entry_space", "a.com:80"),
        ("a.com: 80", "entry_space", "a.com:80"),
        ("a com:80", "entry_space", ""),
        ("a.com:80\n,b.com:1", "entry_space", "a.com:80"),
        ("a.com:80;b.com:1", "entry_separator", "a.com:80,b.com:1"),
        ("a.com:80|b.com:1", "entry_separator", "a.com:80,b.com:1"),
        ("a.com:80 b.com:1", "entry_separator", "a.com:80,b.com:1"),
        ("a.com:80\uff0cb.com:1", "entry_wide", "a.com:80,b.com:1"),
        ("a.com\uff1a80", "entry_wide", "a.com:80"),
        ("a.com:\uff18\uff10", "entry_wide", "a.com:80"),
        ("'a.com:80'", "entry_quoted", "a.com:80"),
        ("\u201ca.com:80\u201d", "entry_quoted", "a.com:80"),
        ("[2001:db8::1]:443", "entry_ipv6", ""),
        ("2001:db8::1", "entry_ipv6", ""),
        ("::1:80", "entry_ipv6", ""),
        ("*.a.com:80", "entry_wildcard", ""),
        ("a.com:*", "entry_wildcard", ""),
        ("a.com:0", "entry_port", ""),
        ("a.com:65536", "entry_port", ""),
        ("a.com:080", "entry_port", ""),
        ("a.com:80-90", "entry_port", ""),
        ("a.com:80:90", "entry_port", ""),
        ("a.com:https", "entry_port", ""),
        ("a.com:\u0668\u0660", "entry_port", ""),  # Arabic-Indic digits
        ("1.2.3:80", "entry_host", ""),
        ("999.1.1.1:80", "entry_host", ""),
        ("m\u00fcnchen.example:80", "entry_host", ""),
        ("-a.com:80", "entry_host", ""),
        ("<ip_address:port>", "entry_host", ""),
        (":80", "entry_host", ""),
        ("x" * 300 + ":80", "entry_host", ""),
    ],
)
def test_bad_access_lists(text, word, corrected):
    """Each mistake has its word, and its correction where that is obvious."""
    _, problems = access_list(text, {"known.com": 443}.get)

    assert (word, corrected) == (problems[0].word, problems[0].corrected)


def test_a_bad_entry_leaves_the_good_ones():
    """Entries are read one by one, and a problem says which host it is about."""
    expected = ((("a.com", 80), ("c.com", 1)), ["b.com"])

    found, problems = access_list("a.com:80,b.com,c.com:1")
    actual = (found.entries, [problem.host for problem in problems])

    assert expected == actual


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://user:secret@a.com:80/x?token=secret", "https:***@a.com:80/x?***"),
        ("user:secret@a.com:80", "***@a.com:80"),
        ("a.com:80", "a.com:80"),
        ("x" * 300, "x" * 197 + "..."),
    ],
)
def test_shown(text, expected):
    """Credentials and queries are masked, long text is cut."""
    actual = shown(text)

    assert expected == actual


@pytest.mark.parametrize(
    ("text", "name", "word", "corrected"),
    [
        ("testLink", "testLink", None, ""),
        ("a", "a", None, ""),
        ("a" * 63, "a" * 63, None, ""),
        ("Link_1", "Link_1", None, ""),
        ("a" * 64, "", "link_long", ""),
        ("", "", "link_empty", ""),
        ("  ", "", "link_empty", ""),
        ("1link", "", "link_start", ""),
        ("_link", "", "link_start", ""),
        ("test-link", "", "link_character", ""),
        ("<networklink_name>", "", "link_character", ""),
        ("'testLink'", "", "link_character", "testLink"),
        ("testLink ", "", "link_character", "testLink"),
        ("testLink\n", "", "link_character", "testLink"),
        ("t\u00e9st", "", "link_character", ""),
    ],
)
def test_network_link(text, name, word, corrected):
    """A link's name is 1 to 63 letters, digits and underscores, starting with a letter."""
    actual, problems = network_link(text)

    assert name == actual
    assert ([(word, corrected)] if word else []) == [(problem.word, problem.corrected) for problem in problems]


@pytest.mark.parametrize(
    ("text", "expected", "corrected"),
    [
        ("true", True, ""),
        ("True", True, ""),
        ("false", False, ""),
        ("true;", True, ""),
        ("1", None, "true"),
        ("yes", None, "true"),
        ("'true'", None, "true"),
        ("ture", None, ""),
        ("", None, ""),
    ],
)
def test_switch(text, expected, corrected):
    """A switch is true or false; what is neither switches nothing on."""
    actual, problems = switch(text)

    assert expected is actual
    assert [corrected] * (expected is None) == [problem.corrected for problem in problems]


@pytest.mark.parametrize(
    ("text", "word", "corrected"),
    [
        ("cn-hangzhou:vpc-bp1abc", None, ""),
        ("cn-hangzhou:vpc-x;", None, ""),
        ("cn-hangzhou", "eni_format", ""),
        ("cn-hangzhou:vpc-x:vsw-y", "eni_format", ""),
        ("cn-hangzhou: vpc-x", "eni_space", "cn-hangzhou:vpc-x"),
        ("'cn-hangzhou:vpc-x'", "eni_format", "cn-hangzhou:vpc-x"),
        ("vpc-x:cn-hangzhou", "eni_swapped", "cn-hangzhou:vpc-x"),
        ("hangzhou:vpc-x", "eni_region", ""),
        ("[regionid]:[vpcid]", "eni_region", ""),
        ("cn-hangzhou:vsw-x", "eni_vpc", ""),
        ("cn-hangzhou:", "eni_vpc", ""),
        ("cn-beijing:vpc-x", "eni_other_region", ""),
        ("", "eni_format", ""),
    ],
)
def test_eni_info(text, word, corrected):
    """REGION:VPC of the job's own region."""
    actual, problems = eni_info(text, "cn-hangzhou")

    assert (word is None) == bool(actual.vpc)
    assert ([(word, corrected)] if word else []) == [(problem.word, problem.corrected) for problem in problems]


DOMAINS = (
    '{"regionId":"cn-beijing","vpcs":[{"vpcId":"vpc-x","zones":[{"urls":'
    '[{"domain":"rm-x.mysql.rds.aliyuncs.com","port":3306}],"zoneId":"cn-beijing-a"}]}]}'
)


@pytest.mark.parametrize(
    ("text", "words", "entry"),
    [
        (DOMAINS, [], None),
        (DOMAINS.replace("3306", '"3306"'), [], None),
        (DOMAINS.replace(",", ", "), ["domains_space"], None),
        (DOMAINS.replace("[", "[\n"), ["domains_space"], None),
        (DOMAINS[:-1], ["domains_json"], None),
        ("", ["domains_json"], None),
        ("[" * 100_000, ["domains_json"], None),
        ("null", ["domains_shape"], "regionId"),
        ("{}", ["domains_shape"], "regionId"),
        (DOMAINS.replace("vpcs", "vpc"), ["domains_shape"], "vpcs"),
        (DOMAINS.replace("zones", "zone"), ["domains_shape"], "zones"),
        (DOMAINS.replace("urls", "url"), ["domains_shape"], "urls"),
        (DOMAINS.replace('"domain"', '"host"'), ["domains_shape"], "domain"),
        (DOMAINS.replace("3306", "0"), ["domains_shape"], "port"),
        (DOMAINS.replace("3306", "true"), ["domains_shape"], "port"),
        (DOMAINS.replace("cn-beijing", "cn-hangzhou", 1), ["domains_region"], "cn-hangzhou"),
    ],
)
def test_vpc_domain_list(text, words, entry):
    """One line of JSON without spaces, of the job's own region; the part that is missing is named."""
    _, problems = vpc_domain_list(text, "cn-beijing")

    assert words == [problem.word for problem in problems]
    assert entry is None or entry == problems[0].entry


def test_vpc_domain_list_is_read_in_spite_of_spaces():
    """Spaces are a mistake that leaves no doubt of what was meant."""
    expected = ({("rm-x.mysql.rds.aliyuncs.com", 3306): "vpc-x"}, DOMAINS)

    found, problems = vpc_domain_list(json.dumps(json.loads(DOMAINS)), "cn-beijing")
    actual = (found.vpcs, problems[0].corrected)

    assert expected == actual


_PIECES = st.sampled_from(
    ["a.com", "b", ":", "80", ",", ";", " ", "http://", "/", "\uff0c", "'", "[::1]", "*", "@", "\n"]
)
_TEXT = st.one_of(st.text(), st.lists(_PIECES).map("".join))


@given(_TEXT)
def test_what_was_meant_is_right(text):
    """No text makes a reader raise, every problem is of the closed list, and every correction is itself right."""
    for reader in (access_list, network_link, switch, eni_info, vpc_domain_list):
        _, problems = reader(text)
        for problem in problems:
            assert problem.word in PROBLEMS
            assert not problem.corrected or not reader(problem.corrected)[1]


@given(_TEXT)
def test_good_and_bad_entries_make_the_list(text):
    """Every part of a list is either read or complained of."""
    parts = formats._without_end(text).split(",") if formats._without_end(text) else []
    good = [part for part in parts if formats._entry(part)]

    _, problems = access_list(text)

    assert len(parts) == len(good) + len(problems)
