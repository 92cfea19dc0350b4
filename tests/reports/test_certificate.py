import datetime as dt
import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reports.certificate import LARGEST, MOST_NAMES, CertificateError, read

KEY = ec.generate_private_key(ec.SECP256R1())
START = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


def name(*parts):
    """A distinguished name."""
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])


def made(subject, issuer=None, alternatives=(), start=START, end=START + dt.timedelta(days=90)):
    """A certificate signed by the test's one key, as DER."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(KEY.public_key())
        .serial_number(2**150)
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=True)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


PLAIN = name((NameOID.COUNTRY_NAME, "CN"), (NameOID.ORGANIZATION_NAME, "Data"), (NameOID.COMMON_NAME, "a.example"))


def test_names_and_dates():
    """Subject and issuer come as RFC 4514 writes them, dates as Unix seconds, DNS names and addresses as text."""
    der = made(
        PLAIN,
        issuer=name((NameOID.COMMON_NAME, "Root, Inc.")),
        alternatives=[
            x509.DNSName("a.example"),
            x509.DNSName("*.a.example"),
            x509.RFC822Name("admin@a.example"),
            x509.IPAddress(ipaddress.ip_address("192.0.2.7")),
            x509.IPAddress(ipaddress.ip_address("2001:db8::7")),
        ],
    )

    certificate = read(der)

    assert certificate.subject == "CN=a.example,O=Data,C=CN"
    assert certificate.issuer == "CN=Root\\, Inc."
    assert certificate.names == ("a.example", "*.a.example", "192.0.2.7", "2001:db8::7")
    assert certificate.not_before == int(START.timestamp())
    assert certificate.not_after == int(START.timestamp()) + 90 * 86400
    assert not certificate.self_signed


def test_self_signed():
    """A certificate that names itself as its issuer is self-signed; without alternative names it has no names."""
    certificate = read(made(PLAIN))

    assert certificate.self_signed
    assert certificate.names == ()


@pytest.mark.parametrize("year", [1951, 2049, 2050, 9999])
def test_both_kinds_of_time(year):
    """Years up to 2049 are written with two digits, later ones with four (RFC 5280 section 4.1.2.5)."""
    end = dt.datetime(year, 12, 31, 23, 59, 59, tzinfo=dt.UTC)
    der = made(PLAIN, start=dt.datetime(1950, 1, 1, tzinfo=dt.UTC), end=end)

    assert read(der).not_after == int(end.timestamp())


def test_many_names_are_bounded():
    """Not more than MOST_NAMES names are kept."""
    der = made(PLAIN, alternatives=[x509.DNSName("n%d.example" % number) for number in range(MOST_NAMES + 20)])

    assert len(read(der).names) == MOST_NAMES


VALUES = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\r\n"), min_size=1, max_size=20)


@given(values=st.lists(VALUES, min_size=1, max_size=4))
@settings(deadline=None, max_examples=60)
def test_names_as_cryptography_writes_them(values):
    """Names with any characters read as the `cryptography` package writes them."""
    kinds = (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME, NameOID.EMAIL_ADDRESS, NameOID.TITLE)
    subject = name(*zip(kinds, values, strict=False))

    assert read(made(subject)).subject == subject.rfc4514_string()


VALID = made(PLAIN, alternatives=[x509.DNSName("a.example")])


@given(data=st.binary(max_size=300))
def test_no_bytes_raise_anything_else(data):
    """Whatever the bytes are: a certificate or CertificateError."""
    with pytest.raises(CertificateError):
        read(data)


@given(at=st.integers(0, len(VALID) - 1), octet=st.integers(0, 255), cut=st.integers(0, len(VALID)))
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=500)
def test_a_damaged_certificate_raises_nothing_else(at, octet, cut):
    """A certificate with one byte changed, or cut off anywhere, is read or refused by CertificateError."""
    damaged = VALID[:at] + bytes([octet]) + VALID[at + 1 :]
    for data in (damaged, damaged[:cut]):
        try:
            read(data)
        except CertificateError as error:
            refused = str(error)

            assert refused


def test_too_large():
    """More bytes than any certificate has are not even looked at."""
    with pytest.raises(CertificateError, match="more than a certificate has"):
        read(b"\x30" * (LARGEST + 1))
