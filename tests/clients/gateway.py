"""The real binary with a deployment of its own in a folder of its own."""

import base64
import contextlib
import datetime
import ipaddress
import json
import os
import re
import secrets
import shutil
import sqlite3
import subprocess
import threading
from pathlib import Path

import jwt
from cryptography import x509
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BINARY = Path(os.environ.get("CONSENTRY", ROOT / "target/debug/consentry")).resolve()

PURPOSE = "product-recommendation"
AUDIENCE = "consentry"
SECRET_ISSUER = "https://secret.clients.invalid"

ADA = {
    "first_name": "Ada",
    "last_name": "King",
    "email": "ada@example.org",
    "age": 36,
    "sex": "Female",
    "favorite_color": "Red",
    "favorite_food": "Pizza",
}

# What of ADA must never be seen behind the gateway, in a problem or in the log.
CANARIES = (b"Ada", b"King", b"ada@example.org")


class Authority:
    """A certificate authority of this test run."""

    def __init__(self, folder, name):
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} (tests)")])
        self.file = folder / f"{name}.pem"
        certificate = (
            self._builder(self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, certificate_file, key_file):
        key = ec.generate_private_key(ec.SECP256R1())
        names = [
            x509.DNSName("localhost"),
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        ]
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        certificate = (
            self._builder(subject, key.public_key())
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        write_secret(key_file, pem(key).decode())

    def _builder(self, subject, public_key):
        now = datetime.datetime.now(datetime.timezone.utc)
        issuer_key = self._key.public_key()
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False
            )
        )


def _usage(**uses):
    names = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement "
        "key_cert_sign crl_sign encipher_only decipher_only"
    )
    return x509.KeyUsage(**{name: uses.get(name, False) for name in names.split()})


def pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def write_secret(path, text):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


class Issuer:
    """An issuer of tokens with a key pair, as an identity provider has one."""

    MAKE = {
        "RS256": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
        "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate,
    }

    def __init__(self, algorithm, folder):
        self.algorithm = algorithm
        self.url = f"https://{algorithm.lower()}.clients.invalid"
        self.key = self.MAKE[algorithm]()
        self.public_key_file = folder / f"{algorithm}.pem"
        self.public_key_file.write_bytes(
            self.key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )


class Process:
    """A process that says when it is ready, and all that it said."""

    def __init__(self, command, **options):
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **options,
        )
        self._lines = []
        self._more = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._process.stdout:
            with self._more:
                self._lines.append(line)
                self._more.notify_all()
        with self._more:
            self._ended = True
            self._more.notify_all()

    @property
    def said(self):
        with self._more:
            return "".join(self._lines)

    def wait_for(self, pattern):
        """Waits for the first line that fits the pattern."""
        found = None

        def look():
            nonlocal found
            found = next((hit for line in self._lines if (hit := re.search(pattern, line))), None)
            return found or self._ended

        with self._more:
            self._more.wait_for(look, timeout=60)
        assert found, f"nothing fits {pattern!r} in:\n{self.said}"
        return found

    def stop(self):
        """SIGTERM, and the status with which it ended."""
        self._process.terminate()
        status = self._process.wait(timeout=60)
        self._reader.join(timeout=10)
        return status


class Gateway:
    """`consentry serve` before the API that `upstream` says where to find."""

    def __init__(self, folder, upstream):
        self.folder = folder
        self.config = folder / "consentry.yaml"
        self.authority = Authority(folder, "authority")
        self.stranger = Authority(folder, "stranger")
        self.authority.issue(folder / "server.pem", folder / "server.key")
        self.issuers = {name: Issuer(name, folder) for name in Issuer.MAKE}
        self.secret = secrets.token_urlsafe(48)
        write_secret(folder / "issuer.secret", self.secret)
        self.fernet = {name: Fernet.generate_key() for name in ("model-host-2026", "caller-2026")}
        for name, key in self.fernet.items():
            write_secret(folder / f"{name}.fernet", key.decode())
        write_secret(folder / "master.key", Fernet.generate_key().decode())

        policies = folder / "policies"
        policies.mkdir()
        for file in [*(ROOT / "policies").glob("*.yaml"), *(HERE / "policies").glob("*.yaml")]:
            shutil.copy(file, policies)
        self._write_config(upstream)
        self._serve()

    def _write_config(self, upstream):
        issuers = [
            {"issuer": issuer.url, "algorithms": [name], "public_key": issuer.public_key_file.name}
            for name, issuer in self.issuers.items()
        ]
        issuers.append(
            {"issuer": SECRET_ISSUER, "algorithms": ["HS256"], "secret_file": "issuer.secret"}
        )
        # JSON is YAML.
        self.config.write_text(
            json.dumps(
                {
                    "listeners": [
                        {
                            "https": "127.0.0.1:0",
                            "certificate": "server.pem",
                            "key": "server.key",
                        }
                    ],
                    "admin": {"socket": "admin.sock"},
                    "upstreams": {
                        "favourites-model": {**upstream, "recipient": "model-host"}
                    },
                    "issuers": [
                        {**issuer, "audience": AUDIENCE, "namespace": "customers"}
                        for issuer in issuers
                    ],
                    "keys": {"file": "master.key"},
                    "interchange_keys": {
                        name: {"file": f"{name}.fernet"} for name in self.fernet
                    },
                    "store": {"sqlite": "data.db", "keyring": "keys.db"},
                    "policies": "policies",
                    "log": {"filter": "trace", "format": "json"},
                },
                indent=2,
            )
        )

    def _serve(self):
        command = [str(BINARY), "serve", "--config", str(self.config)]
        self.process = Process(command)
        found = self.process.wait_for(r"serves https://127\.0\.0\.1:(\d+)")
        self.port = int(found[1])
        self.url = f"https://localhost:{self.port}"

    def cli(self, *arguments, fails=False, config=None):
        done = subprocess.run(
            [str(BINARY), *arguments, "--config", str(config or self.config)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (done.returncode != 0) == fails, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout.strip() if not fails else done.stdout + done.stderr

    def person(self, *purposes):
        """Somebody new, who agreed to these purposes."""
        name = f"person-{secrets.token_hex(6)}"
        for purpose in purposes:
            self.cli("consent", "grant", "--person", name, "--purpose", purpose)
        return name

    def token(self, sub, *scopes, reason=None):
        """What `consentry token` prints."""
        arguments = ["token", "--sub", sub, "--issuer", SECRET_ISSUER]
        for scope in scopes:
            arguments += ["--scope", scope]
        if reason:
            arguments += ["--reason", reason]
        return self.cli(*arguments)

    def caller(self):
        """A token of somebody new who agreed to recommendations."""
        return self.token(self.person(PURPOSE), "predict")

    def newest_record(self):
        """The number of the record that was kept last, as `GET /decrypt/{user_id}` counts."""
        data = sqlite3.connect(f"file:{self.folder}/data.db?mode=ro", uri=True)
        with contextlib.closing(data):
            return data.execute("SELECT max(row & ((1 << 40) - 1)) FROM record").fetchone()[0]

    def signed(self, algorithm, person, key=None, headers=None, **claims):
        """A token that PyJWT signed with the issuer's key, or another."""
        issuer = self.issuers[algorithm]
        now = datetime.datetime.now(datetime.timezone.utc)
        payload = {
            "iss": issuer.url,
            "aud": AUDIENCE,
            "sub": person,
            "iat": now,
            "exp": now + datetime.timedelta(minutes=10),
            "scope": "predict",
            **claims,
        }
        payload = {name: value for name, value in payload.items() if value is not None}
        return jwt.encode(payload, key or issuer.key, algorithm=algorithm, headers=headers)


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def problem(document):
    """The last segment of a problem's type."""
    return document["type"].rsplit("/", 1)[-1]
