"""The cluster's certificate authority, server certificate and kubeconfig: made once, kept in its folder."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from localcloud.kubernetes.config import ClusterOptions


@dataclass(frozen=True)
class Identity:
    """Files that TLS needs, the CA for clients, and the administrator's token of this cluster."""

    ca_certificate: str
    certificate_file: Path
    key_file: Path
    admin_token: str = field(repr=False)


def _write_private(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)


def ensure_identity(options: ClusterOptions) -> Identity:
    """Read the cluster's certificates, or make them on its first start (P-256, valid ten years)."""
    folder = options.directory
    folder.mkdir(parents=True, exist_ok=True)
    ca, certificate, key, token = (
        folder / name for name in ("ca.crt", "server.crt", "server.key", "admin.token")
    )
    if not (ca.exists() and certificate.exists() and key.exists()):
        _make_certificates(options, ca, certificate, key)
    if not token.exists():
        _write_private(token, secrets.token_urlsafe(32).encode())
    return Identity(ca.read_text(), certificate, key, token.read_text())


def _make_certificates(options: ClusterOptions, ca: Path, certificate: Path, key: Path) -> None:
    # Imported late: a restarted cluster has its certificates and saves the memory.
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    def builder(name: str, issuer: str, public_key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=3650))
        )

    authority = f"{options.name}-ca"
    ca_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority_id = x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key())
    usage = dict.fromkeys(
        [
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ],
        False,
    )
    ca_certificate = (
        builder(authority, authority, ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage | {"key_cert_sign": True, "crl_sign": True}), critical=True)
        .add_extension(authority_id, critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    names = [x509.DNSName(name) for name in ("localhost", "kubernetes", "kubernetes.default.svc")]
    addresses = [
        x509.IPAddress(ipaddress.ip_address(text)) for text in {options.host, "127.0.0.1", "10.96.0.1"}
    ]
    server_certificate = (
        builder("kube-apiserver", authority, server_key.public_key())
        .add_extension(x509.SubjectAlternativeName([*names, *addresses]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage | {"digital_signature": True}), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(authority_id), critical=False
        )
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = server_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _write_private(key, private)
    certificate.write_bytes(server_certificate.public_bytes(pem))
    # The CA's file comes last: clients and a restarted server take it as the sign that all is there.
    ca.write_bytes(ca_certificate.public_bytes(pem))


def write_kubeconfig(options: ClusterOptions, identity: Identity) -> Path:
    """Write DIR/engines/NAME/kubeconfig (0600), whose user is the cluster's administrator."""
    encoded = base64.b64encode(identity.ca_certificate.encode()).decode()
    path = options.directory / "kubeconfig"
    text = f"""apiVersion: v1
kind: Config
clusters:
- name: {options.name}
  cluster:
    server: https://{options.host}:{options.port}
    certificate-authority-data: {encoded}
users:
- name: {options.name}-admin
  user:
    token: {identity.admin_token}
contexts:
- name: {options.name}
  context:
    cluster: {options.name}
    user: {options.name}-admin
current-context: {options.name}
"""
    temporary = path.with_suffix(".new")
    _write_private(temporary, text.encode())
    temporary.replace(path)
    return path


def self_signed(names: Sequence[str]) -> tuple[str, str]:
    """Certificate and key (PEM) that vouch for host names, signed by nobody else; valid for a year."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "local stand-in")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=365))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return certificate.public_bytes(pem).decode(), private.decode()
