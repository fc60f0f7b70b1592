"""Files that some URLs name: keys, accounts, subscriptions."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)


def made() -> dict[str, bytes]:
    """Return them by name."""
    subscriptions = {
        f"{name}@mail.example": _subscription(name) for name in ("first", "second")
    }
    return {
        "account.json": json.dumps(_account()).encode(),
        "vapid.pem": _pem(ec.generate_private_key(ec.SECP256R1())),
        "subscriptions.json": json.dumps(subscriptions).encode(),
    }


def write(contents: Mapping[str, bytes], folder: Path) -> None:
    """Write them as they were: a plugin takes out of its file who has left."""
    for name, content in contents.items():
        (folder / name).write_bytes(content)


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _account() -> dict[str, str]:
    return {
        "type": "service_account",
        "project_id": "project",
        "private_key_id": "1",
        "private_key": _pem(
            rsa.generate_private_key(public_exponent=65537, key_size=2048)
        ).decode(),
        "client_email": "me@mail.example",
        "client_id": "1",
        "auth_uri": "https://accounts.example/auth",
        "token_uri": "https://accounts.example/token",
        "auth_provider_x509_cert_url": "https://accounts.example/certs",
        "client_x509_cert_url": "https://accounts.example/cert",
    }


def _subscription(name: str) -> dict[str, object]:
    point = ec.generate_private_key(ec.SECP256R1()).public_key()
    public = point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    keys = {"p256dh": _encoded(public), "auth": _encoded(os.urandom(16))}
    return {"endpoint": f"https://push.example/{name}", "keys": keys}


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
