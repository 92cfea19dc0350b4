"""What goes wrong between here and the cloud's API: waited for, or said with what to do, and never with a secret."""

import json

import pytest

from agent.cloud.account import connect
from agent.cloud.calls import Patience
from agent.cloud.inventory import read
from agent.cloud.trouble import CloudError
from tests.agent.cloud.asking import LAB, NONE_OF, cloud, found, static, wrong
from tests.aliyun_cloud import Refused
from tests.aliyun_server import ACCESS_KEY_ID, SECRET, TOKEN

# --- the server itself -----------------------------------------------------------------------------------------------


def test_the_server_judges(api):
    """A request that was changed on the way, or sent twice, or is late, is refused; so the SDKs' own are whole."""
    found(api)
    method, target, headers, body = api.last

    def refused(target=target, body=body, **changed):
        with pytest.raises(Refused) as caught:
            api.answer(method, target, {**headers, **changed}, body)
        return caught.value.args[1]

    assert refused() == "SignatureNonceUsed"
    assert refused(target=target.replace("cn-hangzhou", "cn-beijing")) == "SignatureDoesNotMatch"
    assert refused(**{"x-acs-action": "DescribeVpcs"}) == "SignatureDoesNotMatch"
    assert refused(**{"x-acs-added": "1"}) == "IncompleteSignature"
    assert refused(**{"x-acs-date": "2020-01-01T00:00:00Z"}) == "InvalidTimeStamp.Expired"
    assert refused(body=b"more") == "InvalidContentHash"


# --- a platform that is busy -----------------------------------------------------------------------------------------


def test_throttled(api):
    """Asked too often it waits, longer each time, and reads all of it in the end."""
    api.throttle["DescribeNetworkInterfaces"] = 4
    slept = []
    inventory = found(api, slept=slept).inventory

    assert len(inventory.enis) == 4
    assert api.codes == {"Throttling.User": 4}
    assert len(slept) == 4
    for wait, interval in zip(slept, (0.5, 1, 2, 4), strict=True):
        assert interval / 2 <= wait <= interval


def test_throttled_for_ever(api):
    """It gives up after so many tries, and no wait is longer than its bound."""
    api.throttle["*"] = 1000
    slept = []
    said = wrong(api, slept=slept, patience=Patience(longest=2.0))

    assert said.startswith("vpc:DescribeVpcs in cn-hangzhou: the platform is too busy (Throttling.User)")
    assert len(slept) == 7
    assert max(slept) <= 2.0
    assert len(api.heard) == 8


def test_waits_differ():
    """Those who were turned away together do not come back together."""
    assert len({Patience().before(3) for _ in range(20)}) > 10


@pytest.mark.parametrize("code", ["ServiceUnavailable", "InternalError", "Throttling", "Throttling.Api"])
def test_busy_in_other_words(api, code):
    """Trouble of the platform's own is waited for as well."""
    content = json.dumps({"Code": code, "Message": "later", "RequestId": "1"}).encode()
    api.raw["DescribeRouteTableList"] = (503, content)
    slept = []

    assert f"({code})" in wrong(api, slept=slept)
    assert len(slept) == 7


def test_broken_connections(api):
    """A connection that breaks is tried again; one that always does is said."""
    api.breaks = 2
    assert found(api).inventory.unread == ()

    api.breaks = 1000
    slept = []
    said = wrong(api, slept=slept)
    assert f"{api.endpoint} cannot be used: it closed the connection without an answer" in said
    assert len(slept) == 2


# --- credentials and clocks ------------------------------------------------------------------------------------------


def test_temporary_credentials(api):
    """A security token goes with every request."""
    api.keys = {ACCESS_KEY_ID: (SECRET, TOKEN)}

    assert found(api, places=static(token=TOKEN)).inventory.unread == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"expired": True}, "the temporary credentials have expired or are not whole (InvalidSecurityToken.Expired)"),
        ({"keys": {}}, "the access key does not exist, or is disabled (InvalidAccessKeyId.NotFound)"),
        (
            {"keys": {ACCESS_KEY_ID: ("another secret", TOKEN)}},
            "the signature is wrong: the secret does not belong to the access key (SignatureDoesNotMatch)",
        ),
    ],
)
def test_credentials_that_are_not_accepted(api, change, said):
    """What is wrong with them and what to do, without a word of the request that the platform repeats; at once."""
    api.keys = {ACCESS_KEY_ID: (SECRET, TOKEN)}
    for name, value in change.items():
        setattr(api, name, value)
    slept = []

    message = wrong(api, places=static(token=TOKEN), slept=slept)
    assert said in message
    assert "What to do: " in message
    assert slept == []


@pytest.mark.parametrize(("skew", "which"), [(4000.0, "1 h 6 min behind"), (-90_000.0, "25 h ahead of")])
def test_a_clock_that_is_wrong(api, skew, which):
    """By how much, and in which direction: the platform's answer has its own time."""
    api.skew = skew

    said = wrong(api)
    assert "refuses the time stamp (InvalidTimeStamp.Expired)" in said
    assert f"This machine's clock is {which} the platform's" in said


def test_a_clock_within_the_window(api):
    """A few minutes are allowed."""
    api.skew = 600

    assert found(api).inventory.unread == ()


def test_a_nonce_that_was_used(api):
    """A request that somebody repeats on the way is refused for its nonce: the clock is right, and that is said."""
    api.nonces_used = True

    said = wrong(api)
    assert "(SignatureNonceUsed)" in said
    assert "This machine's clock is right" in said


def test_an_unknown_region(api):
    """A region that the platform does not know."""
    said = wrong(api, region="cn-nowhere")

    assert "vpc:DescribeVpcs in cn-nowhere: there is no such region (InvalidRegionId.NotFound)" in said


def test_another_refusal(api):
    """A code that is in no table is quoted with the platform's words, in one line."""
    content = json.dumps({"Code": "Odd.Thing", "Message": "no\x1b[31m\n" + SECRET, "RequestId": "1"}).encode()
    api.raw["DescribeVpcs"] = (400, content)

    assert "the platform refused (Odd.Thing)\n  It says: no\\x1b[31m\\n***" in wrong(api)


@pytest.mark.parametrize(
    "answer", [(200, b"<html>log in</html>"), (200, b"[]"), (200, b'"x"'), (502, b"<html>"), (200, b"{}"), (200, b"")]
)
def test_something_else_answers(api, answer):
    """A page of a proxy's or a portal's is not taken for an empty account, and not shown."""
    api.raw["DescribeVpcs"] = answer

    said = wrong(api, slept=[])
    assert f"{api.endpoint} cannot be used: what answers there does not speak the cloud's API" in said
    assert "html" not in said


# --- no API at all ---------------------------------------------------------------------------------------------------


def test_nothing_listens(api):
    """The endpoint is said, and how to look further."""
    with pytest.raises(CloudError) as caught:
        read(cloud("127.0.0.1:1"), LAB, lambda _: None)

    assert "127.0.0.1:1 cannot be used: nothing listens there: the connection was refused" in str(caught.value)
    assert "linkdoctor check https://127.0.0.1:1/" in str(caught.value)


def test_no_such_name():
    """A region that has no endpoint has no name in the DNS either."""
    with pytest.raises(CloudError) as caught:
        read(cloud("ecs.cn-nowhere.invalid"), LAB, lambda _: None)

    assert "ecs.cn-nowhere.invalid cannot be used: its name does not resolve" in str(caught.value)


def test_the_default_endpoint():
    """Without another word it is the public one of the region."""
    clients = connect("cn-hangzhou", {"vpc": "vpc-vpc.cn-hangzhou.aliyuncs.com"}, static())
    assert clients.endpoint("ecs") == "ecs-cn-hangzhou.aliyuncs.com"
    assert clients.endpoint("vpc") == "vpc-vpc.cn-hangzhou.aliyuncs.com"


def test_nothing_secret_is_shown():
    """Neither clients nor their errors show credentials to whoever prints them."""
    clients = connect("cn-hangzhou", {}, static(token=TOKEN))
    assert not NONE_OF.search(repr(clients) + repr(cloud("127.0.0.1:1", places=static(token=TOKEN))))
