"""What is handed out to be pasted, and what no packet can show."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.causes import CAUSES
from reports.maxcompute import admission, checklists, statements
from reports.maxcompute.formats import vpc_domain_list
from reports.maxcompute.settings import ACCESS_LIST, SPARK_LIST, TABLE_LINK
from reports.model import RUNTIMES

JSON = '{"regionId":"cn-hangzhou","vpcs":[{"vpcId":"vpc-x","zones":[{"urls":[{"domain":"a","port":1}],"zoneId":"z"}]}]}'


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (
            statements.access_list(ACCESS_LIST, [("a.com", 80)], [("b.com", 443), ("a.com", 80)]),
            "set odps.internet.access.list=a.com:80,b.com:443;",
        ),
        (
            statements.access_list(SPARK_LIST, [], [("b.com", 443)]),
            "spark.hadoop.odps.cupid.internet.access.list = b.com:443",
        ),
        (statements.access_list(ACCESS_LIST, [], [("a;drop table x", 1), ("::1", 2)]), ""),
        (statements.network_link("testLink"), "set odps.session.networklink=testLink;"),
        (statements.network_link(), "set odps.session.networklink=<name of your network link>;"),
        (statements.network_link("a b"), "set odps.session.networklink=<name of your network link>;"),
        (statements.network_link("testLink", TABLE_LINK), "TBLPROPERTIES('networklink'='testLink')"),
        (
            statements.spark_eni("cn-hangzhou", "vpc-x"),
            "spark.hadoop.odps.cupid.eni.enable = true\nspark.hadoop.odps.cupid.eni.info = cn-hangzhou:vpc-x",
        ),
        (
            statements.spark_eni(),
            "spark.hadoop.odps.cupid.eni.enable = true\nspark.hadoop.odps.cupid.eni.info = <region id>:<vpc id>",
        ),
        (statements.spark_smartnat(), "spark.hadoop.odps.cupid.smartnat.enable = true"),
        (
            statements.spark_trusted(["a.com"], ["b.com", "$(x)"]),
            "spark.hadoop.odps.cupid.trusted.services.access.list = a.com,b.com",
        ),
        (
            admission.admit_in_security_group([9083, 8020, 8021], "10.10.1.0/24"),
            (
                "inbound  allow  TCP  8020/8021  source 10.10.1.0/24  priority 1\n"
                "inbound  allow  TCP  9083/9083  source 10.10.1.0/24  priority 1"
            ),
        ),
        (
            admission.admit_in_security_group(3306, "10.10.1.10"),
            "inbound  allow  TCP  3306/3306  source 10.10.1.10/32  priority 1",
        ),
        (admission.admit_in_security_group(3306, "0.0.0.0/0"), ""),
        (admission.admit_in_security_group(3306, "this machine"), ""),
        (admission.admit_in_whitelist("10.10.1.10/24"), "10.10.1.0/24"),
        (admission.admit_in_whitelist("::/0"), ""),
        (admission.admit_in_whitelist(""), ""),
        (admission.flush_hosts().split(";")[0], "FLUSH HOSTS"),
        (
            admission.grant("10.10.1.0/24").splitlines()[0],
            "CREATE USER '<user>'@'10.10.1.0/255.255.255.0' IDENTIFIED BY '<password>';",
        ),
        (admission.grant("fd00::/64"), ""),
    ],
)
def test_statements(actual, expected):
    """A statement keeps what is held, adds what is missing, and is empty where nothing can be written safely."""
    assert expected == actual


@pytest.mark.parametrize("held", ["", "{", "{}", JSON, JSON.replace(",", ", "), JSON.replace("hangzhou", "beijing")])
def test_the_domain_list_holds_the_target(held):
    """Whatever was there, the statement is one line without spaces, of the job's region, with the target in it."""
    line = statements.vpc_domain_list(held, "cn-hangzhou", [("db.example.com", 3306)])
    value = line.partition(" = ")[2]

    found, problems = vpc_domain_list(value.replace("<zone id>", "z").replace("<vpc id>", "v"), "cn-hangzhou")

    assert problems == ()
    assert ("db.example.com", 3306) in found.vpcs


def test_the_domain_list_keeps_what_it_holds():
    """What the list held stands in the statement, each target once."""
    expected = [{"domain": "a", "port": 1}, {"domain": "b", "port": 2}]

    line = statements.vpc_domain_list(JSON, "cn-hangzhou", [("a", 1), ("b", 2)])
    actual = json.loads(line.partition(" = ")[2])["vpcs"][0]["zones"][0]["urls"]

    assert expected == actual


@given(st.text(), st.text(), st.integers(1, 65535))
def test_no_text_breaks_out_of_a_statement(host, name, port):
    """Names from plans and networks never bring quotes, semicolons, spaces or line breaks into a statement."""
    made = (
        statements.access_list(ACCESS_LIST, [(host, port)], [(name, port)]),
        statements.network_link(name),
        statements.spark_eni(name, host),
        statements.spark_trusted([host], [name]),
        statements.vpc_domain_list(host, name, [(name, port)]),
        admission.admit_in_whitelist(host),
        admission.admit_in_security_group(port, name),
        admission.grant(host),
    )

    for text in made:
        plain = re.sub(r"<[a-z ]+>", "", text)
        assert re.fullmatch(r"[A-Za-z0-9._:/,=;@'*(){}\[\]\" \n-]*", plain)
        assert plain.count(";") <= 2


def test_checklists_are_of_the_catalogue_and_name_their_source():
    """Every cause with checks is a known one; every check names where it is documented."""
    texts = {text for cause in checklists._FOR for runtime in RUNTIMES for text in checklists.for_cause(cause, runtime)}

    assert set(checklists._FOR) <= set(CAUSES)
    assert texts
    assert all(text.endswith(")") for text in texts)


@pytest.mark.parametrize(
    ("cause", "runtime", "word", "expected"),
    [
        ("eni_missing", "udf", "one Alibaba Cloud account", True),
        ("eni_missing", "udf", "Super_Administrator", True),
        ("eni_missing", "udf", "basic one", True),
        ("eni_missing", "udf", "data type edition", False),
        ("eni_missing", "lakehouse", "data type edition", True),
        ("sg_drop", "spark", "sandbox list", True),
        ("sg_drop", "pyodps", "sandbox list", True),
        ("access_list_missing_host", "udf", "application", True),
        ("access_list_missing_host", "udf", "both lists", True),
        ("sg_drop", "host", "", False),
        ("tls_expired", "udf", "", False),
    ],
)
def test_for_cause(cause, runtime, word, expected):
    """What no packet can show stands with the causes that it could be, in the runtimes that it concerns."""
    actual = any(word in text for text in checklists.for_cause(cause, runtime))

    assert expected == actual
