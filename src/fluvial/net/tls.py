"""TLS contexts from PEM bytes, with the floor that Flux and Kubernetes keep (TLS 1.2)."""

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


def make_client_tls(
    *, ca: bytes = b"", certificate: bytes = b"", key: bytes = b"", insecure: bool = False
) -> ssl.SSLContext:
    """Return a context for connections to servers.

    Args:
        ca: PEM certificates to trust instead of the system's, or b"" for the system's.
        certificate: PEM chain of the client, together with `key` or not at all.
        insecure: accept any server; only for a user who asked for it by name.
    Raises:
        ValueError: PEM that cannot be read, or a key that does not fit its certificate. The text holds no key.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif ca:
        _load_ca(context, ca)
    else:
        context.load_default_certs()
    _load_pair(context, certificate, key)
    return context


def make_server_tls(*, certificate: bytes, key: bytes, client_ca: bytes = b"") -> ssl.SSLContext:
    """Return a context for `serve`; with `client_ca` a client may show a certificate, and a wrong one is refused."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load_pair(context, certificate, key)
    if client_ca:
        context.verify_mode = ssl.CERT_OPTIONAL
        _load_ca(context, client_ca)
    return context


def _load_ca(context: ssl.SSLContext, ca: bytes) -> None:
    try:
        context.load_verify_locations(cadata=ca.decode("ascii"))
    except (ssl.SSLError, ValueError) as error:
        raise ValueError("the CA certificate is not valid PEM") from error


def _load_pair(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    if not certificate and not key:
        return
    if not (certificate and key):
        raise ValueError("a client certificate and its key are needed together")
    try:
        with _readable(certificate) as certificate_path, _readable(key) as key_path:
            # Without a password function OpenSSL would ask on the terminal for that of an encrypted key.
            context.load_cert_chain(certificate_path, key_path, password=_no_password)
    except (ssl.SSLError, ValueError) as error:
        raise ValueError("the certificate and its key cannot be used: not valid PEM, encrypted, or no pair") from error


def _no_password() -> bytes:
    raise ValueError("the key is encrypted")


@contextmanager
def _readable(pem: bytes) -> Iterator[str]:
    """Give OpenSSL a path to bytes that never reach a disk where the system can (Linux), else a private file."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("pem", os.MFD_CLOEXEC)
        try:
            os.write(descriptor, pem)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
    else:
        with tempfile.NamedTemporaryFile() as file:
            file.write(pem)
            file.flush()
            yield file.name
