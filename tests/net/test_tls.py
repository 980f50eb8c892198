"""Contexts from PEM: what cannot be used is said without showing it."""

import os

import pytest
import trustme

from fluvial.net import make_client_tls, make_server_tls

CA = trustme.CA()
ONE = CA.issue_cert("one")
OTHER = CA.issue_cert("other")
CERTIFICATE, KEY = ONE.cert_chain_pems[0].bytes(), ONE.private_key_pem.bytes()


@pytest.mark.parametrize(
    ("certificate", "key", "ca", "problem"),
    [
        (b"", KEY, b"", "together"),
        (CERTIFICATE, b"", b"", "together"),
        (CERTIFICATE, OTHER.private_key_pem.bytes(), b"", "no pair"),
        (b"nonsense", KEY, b"", "not valid PEM"),
        (b"", b"", b"nonsense", "CA certificate"),
        (b"", b"", "Ünsinn".encode(), "CA certificate"),
    ],
)
def test_unusable_pem_is_an_error_without_secrets(certificate: bytes, key: bytes, ca: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as caught:
        make_client_tls(ca=ca, certificate=certificate, key=key)
    assert "PRIVATE" not in str(caught.value)


def test_a_pair_leaves_no_open_descriptor() -> None:
    before = len(os.listdir("/proc/self/fd"))
    make_client_tls(certificate=CERTIFICATE, key=KEY, ca=CA.cert_pem.bytes())
    make_server_tls(certificate=CERTIFICATE, key=KEY)
    assert len(os.listdir("/proc/self/fd")) == before
