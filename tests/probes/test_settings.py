"""The probe that sends nothing: the job's settings against its targets, as observations."""

import pytest

from probes.contract import LONGEST_TEXT, Notes
from probes.settings import observe
from reports.failures import Failure
from reports.model import Plan, Setting, Target, Vantage

LIST = "odps.internet.access.list"
LINK = "odps.session.networklink"


def target(address, **more):
    """A target by its address."""
    host, _, port = address.rpartition(":")
    return Target(name=address, host=host, port=int(port), **more)


def observed(targets=(), settings=(), vantage="host", **more):
    """What the probe writes down."""
    plan = Plan(
        name="p",
        targets=tuple(target(one) if isinstance(one, str) else one for one in targets),
        settings=tuple(Setting(key=key, value=value, source="job.sql:3") for key, value in settings),
        **more,
    )
    notes = Notes()
    observe(plan, Vantage(kind=vantage), notes)
    return notes.observations


def facts_of(observations, step):
    """The facts of all observations of a step."""
    return [seen.facts for seen in observations if seen.step == step]


@pytest.mark.parametrize(
    ("runtime", "settings", "vantage", "expected"),
    [
        ("spark", [(LIST, "a.com:80")], "udf", ("spark", "plan")),
        (None, [(LIST, "a.com:80")], "host", ("udf", "settings")),
        (None, [("spark.executor.memory", "1g")], "udf", ("spark", "settings")),
        (None, [], "udf", ("udf", "vantage")),
        (None, [("x", "y")], "host", ("host", "vantage")),
    ],
)
def test_job(runtime, settings, vantage, expected):
    """The runtime is the plan's, else the one whose settings these are, else where the probes run."""
    (facts,) = facts_of(observed((), settings, vantage, runtime=runtime), "job")

    actual = (facts["runtime"], facts["runtime_from"])

    assert expected == actual


def test_job_counts_what_matters():
    """Only settings that are known to matter are counted; the region is told where it is declared."""
    expected = {"runtime": "udf", "runtime_from": "plan", "region": "cn-hangzhou", "settings": 2}
    settings = [(LIST, "a.com:80"), ("odps.sql.python.version", "cp37"), ("odps.sql.mapper.split.size", "256")]

    (actual,) = facts_of(observed((), settings, runtime="udf", region="cn-hangzhou"), "job")

    assert expected == actual


def test_setting():
    """A wrong entry is told with its place, its word, and what was meant."""
    expected = {
        "key": LIST,
        "value": "a.com:80, b.com:443",
        "source": "job.sql:3",
        "problem": "entry_space",
        "entry": " b.com:443",
        "allowed": "HOST:PORT, several joined by commas without spaces; here: b.com:443",
    }

    (seen,) = [one for one in observed((), [(LIST, "a.com:80, b.com:443")]) if one.step == "setting"]

    assert (Failure.SETTING_INVALID, expected) == (seen.failure, seen.facts)


@pytest.mark.parametrize(
    ("address", "settings", "expected"),
    [
        ("a.com:80", [(LIST, "a.com:80")], {"way": "internet", "enabled": True, "listed": "yes", "listed_ports": "80"}),
        ("10.0.0.1:80", [(LINK, "testLink")], {"way": "vpc", "enabled": True}),
        ("10.0.0.1:80", [(LIST, "a.com:80")], {"way": "vpc", "enabled": False, "missing_key": LINK}),
        (
            "a.com:80",
            [(LIST, "a.com:443,192.0.2.1:80")],
            {"way": "internet", "listed": "other_port", "listed_ports": "443", "listed_ips": "192.0.2.1"},
        ),
        (
            "open.example.com:80",
            [(LINK, "testLink")],
            {"way": "auto", "internet_enabled": False, "internet_missing_key": LIST, "vpc_enabled": True},
        ),
        (
            "open.example.com:80",
            [(LIST, "open.example.com")],
            {"way": "auto", "internet_broken": "entry_no_port", "internet_broken_entry": "open.example.com"},
        ),
        (
            "logs.oss-cn-hangzhou-internal.aliyuncs.com:443",
            [(LIST, "a.com:80")],
            {
                "way": "service",
                "endpoint": "oss",
                "endpoint_network": "internal",
                "endpoint_region": "cn-hangzhou",
                "endpoint_wanted": "logs.oss-cn-hangzhou.aliyuncs.com",
                "self_verifying": False,
            },
        ),
        ("www.aliyun.com:80", [], {"way": "internet", "self_verifying": True}),
    ],
)
def test_coverage(address, settings, expected):
    """Of each target: its way, whether the settings switch that on, and where it is listed."""
    (facts,) = facts_of(observed([address], settings, runtime="udf"), "coverage")

    actual = {key: value for key, value in facts.items() if key in expected}

    assert expected == actual


@pytest.mark.parametrize(
    ("settings", "runtime"), [([], "udf"), ([(LIST, "a.com:80")], "host"), ([(LIST, "a.com:80")], "pyodps")]
)
@pytest.mark.parametrize("address", ["10.0.0.1:80", "b.com:80", "www.aliyun.com:80", "open.example.com:80"])
def test_nothing_is_claimed_where_settings_do_not_govern(settings, runtime, address):
    """Without any setting, or where the job's sockets are not MaxCompute's, nothing is said to be missing."""
    (facts,) = facts_of(observed([address], settings, runtime=runtime), "coverage")

    actual = {key for key in facts if key.endswith(("enabled", "missing_key", "listed", "unsupported"))}

    assert actual == set()


def test_secrets_and_long_text_stay_out():
    """A URL with credentials that was pasted into a list is masked, and facts are bounded."""
    value = "https://user:hunter2@a.com/?token=hunter2," + "x" * 5000

    seen = observed(["a.com:80"], [(LIST, value), ("odps.internet.acces.list", "x")], runtime="udf")
    text = repr(seen)

    assert "hunter2" not in text
    assert all(len(str(fact)) <= LONGEST_TEXT for one in seen for fact in one.facts.values())


def test_every_target_has_its_coverage():
    """Many targets and a long list make one observation each, and long lists of addresses fit into a fact."""
    ips = ["198.51.%d.%d" % (n >> 8, n & 255) for n in range(2000)]
    names = ["h%d.example.com:443" % n for n in range(3000)]
    value = ",".join("%s:443" % ip for ip in ips)

    facts = facts_of(observed(names, [(LIST, value)], runtime="udf"), "coverage")

    assert len(names) == len(facts)
    assert all(set(str(one["internet_listed_ips"]).split(",")) <= set(ips) for one in facts)
