"""Prometheus's web.config.file: what is taken, what is refused with words, and what it does to a running server."""

import http.client
import json
import os
import ssl
import subprocess
import time
from base64 import b64encode
from contextlib import contextmanager, suppress

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.server.limits import Bucket
from agent.server.users import Users
from agent.server.web_config import BadConfig, RateLimit, parse
from tests.agent.server.serving import serve, write_plan
from tests.tls_servers import HERE, Authority, program

SECRET = "correct horse"
HASH = bcrypt.hashpw(SECRET.encode(), bcrypt.gensalt(4)).decode()


def config(text):
    """What a text says."""
    return parse(text.encode(), "web.yml")


def said(text):
    """Why it is refused."""
    with pytest.raises(BadConfig) as refused:
        config(text)
    return str(refused.value)


def test_all_of_it():
    """Every key of the format that means something here."""
    found = config(f"""
        tls_server_config:
          cert_file: server.crt
          key_file: server.key
          client_auth_type: RequireAndVerifyClientCert
          client_ca_file: ca.crt
          client_allowed_sans: [prometheus.example]
          min_version: TLS12
          max_version: TLS13
          cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]
          prefer_server_cipher_suites: true
          curve_preferences: [X25519]
        http_server_config:
          http2: true
          headers: {{Strict-Transport-Security: max-age=600, X-Frame-Options: sameorigin}}
        basic_auth_users: {{alice: "{HASH}", "bob": "{HASH.replace("$2b$", "$2y$")}"}}
        rate_limit: {{interval: 100ms, burst: 20}}
    """)

    assert found.protects
    assert sorted(found.users) == ["alice", "bob"]
    assert found.headers["X-Frame-Options"] == "sameorigin"
    assert found.rate == RateLimit(interval=0.1, burst=20)
    assert HASH not in repr(found)


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}"])
def test_nothing(text):
    """No TLS, no users: nothing is protected."""
    assert not config(text).protects


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tls_server_config: {cert_file: a}", "key_file is missing"),
        ("tls_server_config: {cert_file: a, key_file: b, cert: c}", "cert and cert_file are both there"),
        ("tls_server_config: {cert_file: a, key_file: b, client_auth_type: Maybe}", "'Maybe' is unknown"),
        ("tls_server_config: {cert_file: a, key_file: b, client_auth_type: RequireAnyClientCert}", "nobody verified"),
        ("tls_server_config: {cert_file: a, key_file: b, client_auth_type: RequireAndVerifyClientCert}", "client_ca"),
        ("tls_server_config: {cert_file: a, key_file: b, client_ca_file: c}", "without client_auth_type"),
        ("tls_server_config: {cert_file: a, key_file: b, client_allowed_sans: [x]}", "client_allowed_sans needs"),
        ("tls_server_config: {cert_file: a, key_file: b, min_version: SSL30}", "allowed: TLS10"),
        ("tls_server_config: {cert_file: a, key_file: b, min_version: TLS13, max_version: TLS12}", "is above"),
        ("tls_server_config: {cert_file: a, key_file: b, cipher_suites: [RC4]}", "'RC4' is unknown"),
        ("tls_server_config: {cert_file: a, key_file: b, curve_preferences: [X25519, CurveP256]}", "only one curve"),
        ("tls_server_config: {certfile: a}", "did you mean cert_file?"),
        ("http_server_config: {headers: {Server: x}}", "this header cannot be set"),
        ("http_server_config: {headers: {X-Frame-Options: allow}}", "allowed: deny, sameorigin"),
        ('http_server_config: {headers: {Content-Security-Policy: "a\\r\\nX: y"}}', "no text that a header can carry"),
        ("http_server_config: {http2: maybe}", "true or false"),
        ("basic_auth_users: {alice: secret}", "is no bcrypt hash; allowed"),
        ("basic_auth_users: [alice]", "is a list, not a mapping"),
        ("basic_auth_users: {'a:b': x}", "holds a colon"),
        ("rate_limit: {interval: 5, burst: 1}", "not a duration"),
        ("rate_limit: {interval: 1s, burst: 0}", "out of range"),
        ("basic_auth_users: {a: 1}\nbasic_auth_users: {b: 2}", "duplicate key"),
        ("tls: {}", "tls: unknown key; allowed: tls_server_config"),
        ("- a", "is a list, not a mapping"),
        ("a: [", "not YAML"),
        ("\x00", "is binary"),
    ],
)
def test_what_is_refused(text, words):
    """With the file, the line and the key, and what is allowed; a secret is never quoted."""
    refused = said(text)

    assert words in refused
    assert refused.startswith("web.yml")
    assert "secret" not in refused


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda data: data.decode("latin-1")))
def test_no_text_breaks_it(text):
    """It is a configuration, or it is refused: nothing else comes of it."""
    with suppress(BadConfig):
        parse(text.encode("utf-8", "surrogatepass"), "web.yml")


# --- users ----------------------------------------------------------------------------------------------------------


def basic(name, password):
    """The header."""
    return "Basic " + b64encode(f"{name}:{password}".encode()).decode()


async def test_who_is_known():
    """A user and his password; nobody else, however it is written."""
    users, known = Users(), {"alice": HASH}

    assert await users.knows(basic("alice", SECRET), known)
    assert await users.knows(basic("alice", SECRET).replace("Basic", "bASIC"), known)
    for header in (
        None,
        "",
        "Basic",
        "Basic !!!",
        "Basic " + b64encode(b"alice").decode(),
        "Bearer x",
        basic("alice", ""),
        basic("alice", SECRET + "x"),
        basic("Alice", SECRET),
        basic("", SECRET),
        basic("bob", SECRET),
        basic("alice", "x" * 5000),
        basic("alice", "nul\0"),
    ):
        assert not await users.knows(header, known)
    assert not await users.knows(basic("alice", SECRET), {})
    users.close()


async def test_a_hash_that_changed():
    """What was remembered of the old one is worth nothing."""
    users = Users()
    assert await users.knows(basic("alice", SECRET), {"alice": HASH})
    other = bcrypt.hashpw(b"other", bcrypt.gensalt(4)).decode()

    assert not await users.knows(basic("alice", SECRET), {"alice": other})
    users.close()


async def test_a_user_who_left():
    """Somebody else of the same hash is no reason to let him in."""
    users = Users()
    assert await users.knows(basic("alice", SECRET), {"alice": HASH})

    assert not await users.knows(basic("alice", SECRET), {"bob": HASH})
    assert await users.knows(basic("bob", SECRET), {"bob": HASH})
    users.close()


async def test_no_password_is_remembered():
    """Only what was worked out of it, with a key that nobody has."""
    users = Users()
    await users.knows(basic("alice", SECRET), {"alice": HASH})

    assert not any(SECRET.encode() in key for key in users._known)
    for number in range(150):
        await users.knows(basic("alice", str(number)), {"alice": HASH})
    assert len(users._known) <= 100
    users.close()


@given(
    st.integers(1, 20),
    st.floats(0.001, 10),
    st.lists(st.floats(0, 30), min_size=1, max_size=60),
)
def test_a_bucket_never_admits_more(burst, interval, pauses):
    """In any stretch of time: the burst, and one for each interval that passed."""
    bucket, now, admitted = Bucket(), 1000.0, []
    rate = RateLimit(interval=interval, burst=burst)
    for pause in pauses:
        now += pause
        if bucket.admits(rate, now):
            admitted.append(now)
    for first in range(len(admitted)):
        for last in range(first, len(admitted)):
            passed = admitted[last] - admitted[first]
            assert last - first + 1 <= burst + passed / interval + 1e-6


# --- a server -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority():
    """Who signs."""
    return Authority("Duty CA")


@contextmanager
def protected(folder, text, authority, listen="127.0.0.1:0", **environment):
    """A server with this web.config.file beside its certificate."""
    (folder / "server.pem").write_text(authority.issue("localhost", HERE))
    (folder / "ca.pem").write_text(authority.pem)
    path = folder / "web.yml"
    path.write_text(text)
    plan = write_plan(folder, f"{HERE}:1", interval="1h")
    with serve(plan, "--web.config.file", path, state=folder, listen=listen, **environment) as serving:
        serving.wait("listening")
        yield serving, path
        assert serving.end() == 0
        assert serving.of("unexpected") == []


def ask(serving, authority, path="/-/healthy", method="GET", certificate=None, **headers):
    """Status and headers, over TLS."""
    context = ssl.create_default_context(cadata=authority.pem)
    if certificate is not None:
        context.load_cert_chain(certificate)
    client = http.client.HTTPSConnection(HERE, serving.port, context=context, timeout=30)
    try:
        client.request(method, path, headers=headers)
        answer = client.getresponse()
        answer.read()
        return answer.status, dict(answer.getheaders())
    finally:
        client.close()


_TLS = "tls_server_config: {cert_file: server.pem, key_file: server.pem%s}\n"


def test_tls_and_users(tmp_path, authority):
    """Others may reach it; whoever has no password is told nothing, whatever he asks for; plain text is no request."""
    text = (
        _TLS % ""
        + f'basic_auth_users: {{alice: "{HASH}"}}\nhttp_server_config: {{headers: {{X-XSS-Protection: "0"}}}}\n'
    )
    with protected(tmp_path, text, authority, listen="0.0.0.0:0") as (serving, _):
        for path, method in (("/metrics", "GET"), ("/-/healthy", "GET"), ("/nowhere", "GET"), ("/-/reload", "POST")):
            status, headers = ask(serving, authority, path, method)
            assert (status, headers["WWW-Authenticate"]) == (401, 'Basic realm="linkdoctor", charset="UTF-8"')
        alice = {"Authorization": basic("alice", SECRET)}
        status, headers = ask(serving, authority, "/-/reload", "POST", **alice)
        assert (status, headers["X-XSS-Protection"]) == (200, "0")
        assert ask(serving, authority, "/-/healthy", Host="duty.example", **alice)[0] == 200
        with pytest.raises((http.client.HTTPException, OSError)):
            serving.ask("/-/healthy")
        old = ("-tls1_1", "-cipher", "ALL:@SECLEVEL=0", "-connect", f"{HERE}:{serving.port}")
        done = subprocess.run(
            [program("openssl"), "s_client", *old], input=b"", capture_output=True, check=False, timeout=30
        )
        assert done.returncode != 0
    assert SECRET not in json.dumps(serving.events)


def test_certificates_of_clients(tmp_path, authority):
    """Those that the authority signed, of the names that are allowed; they may reload without a password."""
    more = ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem, client_allowed_sans: [prom.example]"
    good, other, foreign = (tmp_path / name for name in ("good.pem", "other.pem", "foreign.pem"))
    good.write_text(authority.issue("prom.example"))
    other.write_text(authority.issue("other.example"))
    foreign.write_text(Authority("Somebody").issue("prom.example"))
    with protected(tmp_path, _TLS % more, authority, listen="0.0.0.0:0") as (serving, _):
        assert ask(serving, authority, "/-/reload", "POST", certificate=good)[0] == 200
        assert ask(serving, authority, certificate=other)[0] == 403
        for certificate in (foreign, None):
            with pytest.raises((ssl.SSLError, OSError, http.client.HTTPException)):
                ask(serving, authority, certificate=certificate)


def test_it_is_read_again(tmp_path, authority):
    """A new certificate and new users are there with the next connection; a bad file changes nothing, and is told."""
    text = _TLS % "" + f'basic_auth_users: {{alice: "{HASH}"}}\n'
    alice = {"Authorization": basic("alice", SECRET)}
    with protected(tmp_path, text, authority, listen="0.0.0.0:0") as (serving, path):
        assert ask(serving, authority, **alice)[0] == 200
        path.write_text("basic_auth_users: {alice: secret}\n")
        assert ask(serving, authority, **alice)[0] == 200
        refused = serving.wait("web.config.file refused, the old one stays")
        assert "is no bcrypt hash" in refused["reasons"]
        assert "secret" not in refused["reasons"]
        path.write_text(f'basic_auth_users: {{alice: "{HASH}"}}\n')
        assert ask(serving, authority, **alice)[0] == 200
        unprotected = serving.wait("web.config.file refused, the old one stays", 2)
        assert "it must keep TLS" in unprotected["reasons"]
        path.write_text(text.replace("alice", "bob"))
        assert ask(serving, authority, **alice)[0] == 401
        assert ask(serving, authority, Authorization=basic("bob", SECRET))[0] == 200
        other = Authority("New CA")
        (tmp_path / "server.pem").write_text(other.issue("localhost", HERE))
        assert ask(serving, other, Authorization=basic("bob", SECRET))[0] == 200


def test_without_users_on_loopback(tmp_path, authority):
    """TLS alone is well there."""
    with protected(tmp_path, _TLS % "", authority) as (serving, _):
        assert ask(serving, authority)[0] == 200


def test_keys_that_cannot_be_used(tmp_path, authority):
    """Nothing begins: the file and why; nobody is asked for a password."""
    plan = write_plan(tmp_path, f"{HERE}:1")
    (tmp_path / "server.pem").write_text(authority.issue("localhost"))
    (tmp_path / "other.pem").write_text(authority.issue("localhost"))
    encrypted = tmp_path / "encrypted.pem"
    subprocess.run(
        [program("openssl"), "genrsa", "-aes256", "-passout", "pass:x", "-out", encrypted, "2048"],
        check=True,
        capture_output=True,
    )
    for key, words in (
        ("none.pem", "No such file"),
        ("other.pem", "key values mismatch"),
        ("web.yml", "cannot be used"),
        ("encrypted.pem", "it is no PEM text, or it is encrypted"),
    ):
        path = tmp_path / "web.yml"
        path.write_text(f"tls_server_config: {{cert_file: server.pem, key_file: {key}}}\n")
        with serve(plan, "--web.config.file", path, state=tmp_path) as serving:
            assert serving.process.wait(60) == 3
            serving._reader.join()
        assert words in "".join(serving.said)
        assert f"server.pem and {key}" in "".join(serving.said)


def test_texts_in_place_of_files(tmp_path, authority):
    """Certificate and key may stand in the file itself."""
    pem = authority.issue("localhost", HERE).replace("\n", "\\n")
    text = f'tls_server_config: {{cert: "{pem}", key: "{pem}"}}\n'
    with protected(tmp_path, text, authority) as (serving, _):
        assert ask(serving, authority)[0] == 200


def test_a_rate_limit(tmp_path, authority):
    """So many at once; beyond, 429."""
    with protected(tmp_path, "rate_limit: {interval: 1h, burst: 3}\n", authority) as (serving, _):
        assert [serving.ask("/-/healthy")[0] for _ in range(5)] == [200, 200, 200, 429, 429]


def test_promtool_takes_what_is_taken(tmp_path, authority):
    """Prometheus's own tool reads the same file."""
    (tmp_path / "server.pem").write_text(authority.issue("localhost"))
    path = tmp_path / "web.yml"
    path.write_text(_TLS % "" + f'basic_auth_users: {{alice: "{HASH}"}}\n')
    os.utime(path, (time.time(), time.time()))
    done = subprocess.run(
        [program("promtool"), "check", "web-config", path], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert parse(path.read_bytes(), str(path)).protects
