"""An authority of the tests' own, and what it certifies, as files; servers that speak TLS with them."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from loopback import Loopback

_NOW = datetime.datetime.now(datetime.UTC)


class Authority:
    """A certificate authority whose files lie in `folder`."""

    def __init__(self, folder, name="tests"):
        self._folder, self._name = folder, name
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        constraint = x509.BasicConstraints(ca=True, path_length=None)
        self.ca_file = folder / f"{name}-ca.pem"
        self.ca_file.write_bytes(_pem(self._signed(self._subject, self._key.public_key(), constraint)))

    def issue(self, name, password=None):
        """A certificate for this name and 127.0.0.1; the files of it and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName(name)])
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate, key_file = self._folder / f"{self._name}-{name}.pem", self._folder / f"{self._name}-{name}.key"
        certificate.write_bytes(_pem(self._signed(subject, key.public_key(), names)))
        locked = serialization.NoEncryption() if password is None else serialization.BestAvailableEncryption(password)
        pkcs8 = serialization.PrivateFormat.PKCS8
        key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, pkcs8, locked))
        return certificate, key_file

    def _signed(self, subject, public_key, extension):
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(self._subject).public_key(public_key)
        made = made.serial_number(x509.random_serial_number()).add_extension(extension, critical=True)
        made = made.not_valid_before(_NOW - datetime.timedelta(days=1)).not_valid_after(
            _NOW + datetime.timedelta(days=2)
        )
        return made.sign(self._key, hashes.SHA256())


def _pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


class Recording(Loopback):
    """Answers every request with an empty JSON object, or 401 without the login it wants; keeps what came."""

    def __init__(self, wanted=None):
        self.wanted, self.received = wanted, []

    def handler(self):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                owner = self.server.owner
                owner.received.append({name.lower(): value for name, value in self.headers.items()})
                is_let_in = owner.wanted is None or self.headers.get("Authorization") == owner.wanted
                body = b"{}" if is_let_in else b'{"error": "who are you?"}'
                self.send_response(200 if is_let_in else 401)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler


@contextmanager
def over_tls(server, authority, *, client_ca=None):
    """The server with a certificate of this authority; with `client_ca`, it wants its clients to have one of that's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("server"))
    if client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_ca)
    with server:
        # Each connection shakes hands in its own thread, not while the server accepts.
        server._server.socket = context.wrap_socket(
            server._server.socket, server_side=True, do_handshake_on_connect=False
        )
        yield f"https://127.0.0.1:{server.port}"
