"""The one loader of package data: files that are part of the installed code, never of a user's input."""

from importlib import resources


def package_data(package: str, name: str) -> bytes:
    """Return the bytes of the file `name` (slashes allowed) inside the importable `package`.

    Raises:
        FileNotFoundError: the installation is incomplete.
    """
    return resources.files(package).joinpath(name).read_bytes()
