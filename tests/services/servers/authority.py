"""A certificate authority of a test's own, whose certificates its servers show and the program trusts."""

from __future__ import annotations

from pathlib import Path

import trustme


class Authority:
    """Files in a folder: `certificate` and `key` for `localhost`, and `authority`, which vouches for it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.certificate, self.key, self.authority = (
            folder / f"{name}.pem" for name in ("server", "key", "authority")
        )
        authority = trustme.CA()
        issued = authority.issue_cert("localhost", "127.0.0.1")
        authority.cert_pem.write_to_path(str(self.authority))
        issued.private_key_pem.write_to_path(str(self.key))
        self.certificate.write_bytes(
            b"".join(blob.bytes() for blob in issued.cert_chain_pems)
        )

    def trusted(self) -> dict[str, str]:
        """Return the variables that have Python, and requests, trust the authority and nobody else."""
        return {
            "SSL_CERT_FILE": str(self.authority),
            "REQUESTS_CA_BUNDLE": str(self.authority),
        }
