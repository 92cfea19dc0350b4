"""An authority of the lab and the certificates that it signs: the good one, and one a mistake."""

import datetime as dt
import functools
import ssl
import threading
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.lab.zone import BEHIND_PROXY, PUBLIC

_NO_USAGE = dict.fromkeys(
    (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "encipher_only",
        "decipher_only",
    ),
    False,
)
_NOW = dt.datetime.now(dt.UTC)


@frozen(kw_only=True)
class Kind:
    """What is special about a certificate: days from now, names, who signed it, what the server demands."""

    begins: float = -30
    ends: float = 61
    names: tuple[str, ...] = (*PUBLIC, *BEHIND_PROXY, "*.drawn.example", "*.drawn.internal")
    signer: str = "Lab Partner CA"
    newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
    demands_client: bool = False


KINDS: Mapping[str, Kind] = {
    "good": Kind(),
    "expired": Kind(begins=-400, ends=-10),
    "not_yet_valid": Kind(begins=10, ends=100),
    "expiring_soon": Kind(ends=5),
    "wrong_name": Kind(names=("www.elsewhere.example", "elsewhere.example")),
    "untrusted": Kind(signer="Some Private CA"),
    "intercepted": Kind(signer="Corporate Inspection CA"),
    # TLS 1.2: the refusal is part of the handshake. In 1.3 it comes after it.
    "client_certificate": Kind(demands_client=True, newest=ssl.TLSVersion.TLSv1_2),
    "old_version": Kind(newest=ssl.TLSVersion.TLSv1_1),
}

# Corporate devices put their authority into the trust store: then only the issuer's name shows them.
TRUSTED = ("Lab Partner CA", "Corporate Inspection CA")


class Authority:
    """Makes certificates when they are first asked for, in a folder that ends with the lab."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._signer = functools.cache(self._make_signer)
        self._make = functools.cache(self._make_context)
        self._one_at_a_time = threading.Lock()

    def trust(self) -> str:
        """The authorities that a plan of the lab trusts, as PEM text."""
        return "".join(self._signer(name)[1].public_bytes(serialization.Encoding.PEM).decode() for name in TRUSTED)

    def files(self, kind: str) -> tuple[Path, Path]:
        """Certificate and key of that kind, for a server that reads files."""
        chosen = KINDS[kind]
        signer_key, signer = self._signer(chosen.signer)
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.DNSName(name) for name in chosen.names])
        certificate = (
            _builder(chosen.names[0], signer.subject, chosen.begins, chosen.ends)
            .public_key(key.public_key())
            .add_extension(names, critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_of(signer_key), critical=False)
            .sign(signer_key, hashes.SHA256())
        )
        paths = self._folder / f"{kind}.pem", self._folder / f"{kind}.key"
        paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        paths[1].write_bytes(_pem(key))
        return paths

    def server_context(self, kind: str) -> ssl.SSLContext:
        """What a server of that kind needs. Safe from several threads."""
        with self._one_at_a_time:
            return self._make(kind)

    def _make_context(self, kind: str) -> ssl.SSLContext:
        chosen = KINDS[kind]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.files(kind))
        context.maximum_version = chosen.newest
        if chosen.newest < ssl.TLSVersion.TLSv1_2:
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.set_ciphers("ALL:@SECLEVEL=0")
        if chosen.demands_client:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=self.trust())
        return context

    @staticmethod
    def _make_signer(name: str) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        signing = dict.fromkeys(("key_cert_sign", "crl_sign"), True)
        certificate = (
            _builder(name, subject, -365, 3650)
            .public_key(key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.KeyUsage(**_NO_USAGE | signing), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        return key, certificate


def _builder(name: str, issuer: x509.Name, begins: float, ends: float) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_NOW + dt.timedelta(days=begins))
        .not_valid_after(_NOW + dt.timedelta(days=ends))
    )


def _key_of(signer: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
