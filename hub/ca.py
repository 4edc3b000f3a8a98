"""A certificate authority for the home network, so that the hub and the broker can speak TLS.

Keys are P-256. The authority holds ten years; a server's certificate 397 days, since phones take no longer ones.
Files of keys are for their owner alone (0600).
"""

import contextlib
import ipaddress
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from moments.errors import UserError, WorkError

_AUTHORITY: Final = timedelta(days=3653)
_SERVER: Final = timedelta(days=397)
_EARLIER: Final = timedelta(hours=1)
"""A certificate begins to hold a little before it is made: clocks differ."""

_HOST: Final = re.compile(r"(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}))*")

Key: TypeAlias = ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Authority:
    """What signs."""

    certificate: x509.Certificate
    key: Key

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of its certificate, in hexadecimal."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()


def write_whole(path: Path, data: bytes, mode: int) -> None:
    """Put a file in place as a whole, readable as `mode` says from its first byte."""
    new = path.with_name(path.name + ".new")
    with contextlib.suppress(FileNotFoundError):
        new.unlink()
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def _pem(key: Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _begun(subject: str, key: Key, issuer: x509.Name, holds: timedelta) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + holds)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _uses(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def make_authority(folder: Path) -> Authority:
    """Make an authority in a folder."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = f"Moodscape home CA {datetime.now(UTC):%Y-%m-%d}"
    certificate = (
        _begun(subject, key, _name(subject), _AUTHORITY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_uses(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    write_whole(folder / "ca.key", _pem(key), 0o600)
    write_whole(folder / "ca.crt", certificate.public_bytes(serialization.Encoding.PEM), 0o644)
    return Authority(certificate, key)


def open_authority(folder: Path) -> Authority:
    """Read the authority of a folder. Raises UserError when there is none that can be used."""
    try:
        certificate = x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes())
        key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
    except OSError as error:
        why = f"the authority in {folder} cannot be used: {error.filename} cannot be read ({error.strerror})"
        remedy = "put it back, or remove ca.crt and have `moodscape hub ca` make another authority, to be trusted anew"
        raise UserError(f"{why}; {remedy}") from None
    except (ValueError, TypeError) as error:
        raise UserError(f"the authority in {folder} cannot be read: {error}") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise UserError(f"the key in {folder} is not that of ca.crt; put the right one in its place")
    return Authority(certificate, key)


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    try:
        plain = name.encode("idna").decode()
    except UnicodeError:
        plain = ""
    if not _HOST.fullmatch(plain):
        raise UserError(f"{name!r} is no name or address of a machine")
    return x509.DNSName(plain)


def issue_server(authority: Authority, folder: Path, names: Sequence[str]) -> datetime:
    """Write `hub.crt` and `hub.key` for the names and addresses of a machine; gives when they end."""
    key = ec.generate_private_key(ec.SECP256R1())
    alternatives = [_alternative(name) for name in names]
    own = authority.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    until = authority.certificate.not_valid_after_utc - datetime.now(UTC)
    certificate = (
        _begun(names[0][:64], key, authority.certificate.subject, min(_SERVER, until))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_uses(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own), critical=False)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    write_whole(folder / "hub.key", _pem(key), 0o600)
    write_whole(folder / "hub.crt", certificate.public_bytes(serialization.Encoding.PEM), 0o644)
    return certificate.not_valid_after_utc


def prepare(folder: Path, names: Sequence[str]) -> tuple[Authority, datetime, bool]:
    """Make the authority if there is none, and a certificate for the names; gives both, and whether it was made.

    Raises UserError before anything is made for what is no name, and for an authority that cannot be used; WorkError
    where the folder cannot be written.
    """
    for name in names:
        _alternative(name)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Its key is written first: alone, it is one that has signed nothing.
        made = not (folder / "ca.crt").exists()
        authority = make_authority(folder) if made else open_authority(folder)
        return authority, issue_server(authority, folder, names), made
    except OSError as error:
        raise WorkError(f"{folder} cannot be written: {error.strerror}") from None


def fingerprint_of(certificate_file: Path) -> bytes:
    """Give the SHA-256 of a certificate (DER)."""
    return x509.load_pem_x509_certificate(certificate_file.read_bytes()).fingerprint(hashes.SHA256())


def names_of(certificate_file: Path) -> list[str]:
    """Give the names and addresses that a certificate is for, in its order."""
    certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
    alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(alternative.value) for alternative in alternatives]


def best_name(certificate_file: Path) -> str:
    """Give the name by which others on the network reach it: the first full one (`box.local`), or else the first.

    Raises UserError for a certificate of wildcards alone.
    """
    certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
    alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    full = [name for name in alternatives.get_values_for_type(x509.DNSName) if "." in name]
    for name in (*full, *names_of(certificate_file)):
        if not name.startswith("*"):
            return name
    raise UserError(f"{certificate_file} names no one machine: `moodscape hub ca NAME` makes one that does")


def ends(certificate_file: Path) -> datetime:
    """Give when a certificate ends."""
    return x509.load_pem_x509_certificate(certificate_file.read_bytes()).not_valid_after_utc
