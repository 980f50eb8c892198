"""Make an OCI image layout of Fluvial without a container builder.

    python deploy/image.py dist/image

Three layers, each a function of its inputs alone (sorted entries, no times, no owners):

1. runtime: the interpreter that runs this script, its standard library, and the shared libraries that they load;
2. dependencies: the wheels of requirements.txt, each checked against its hash;
3. fluvial: the project's own wheel from dist/.

There is no distribution underneath: no shell, no package manager. What is in layer 1 comes from this machine, so the
image is as old or as patched as this machine is, and of its architecture. deploy/README.md says what to do with it.
"""

import argparse
import gzip
import hashlib
import io
import json
import os
import platform
import re
import stat
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
USER = "65534:65534"
PREFIX = "usr/local"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
# Parts of the standard library that nothing here runs.
_LEFT_OUT = {
    "__pycache__",
    "test",
    "tests",
    "idlelib",
    "tkinter",
    "turtledemo",
    "ensurepip",
    "lib2to3",
    "site-packages",
}
_LEFT_OUT_PREFIX = "config-"
# Extension modules of those parts, and of terminals, which would bring libraries of a desktop along.
_LEFT_OUT_MODULES = re.compile(r"(_tkinter|_curses|_test|_ctypes_test|_xxtest|xxlimited|readline|_gdbm|_dbm|nis)")
# Loaded by name at run time, so that no file names them.
_BY_NAME = ("libgcc_s.so.1", "libnss_dns.so.2", "libnss_files.so.2", "libresolv.so.2")
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass(frozen=True)
class Entry:
    """One file of a layer: its bytes, or the target of a link, or neither for a folder."""

    data: bytes | None = None
    link: str = ""
    mode: int = 0o644


Layer = Mapping[str, Entry]


def main() -> None:
    """Write the layout that the command line asks for."""
    parser = argparse.ArgumentParser(description="Make an OCI image layout of Fluvial.")
    parser.add_argument("target", type=Path, help="folder to write, which must not exist or be an older layout")
    parser.add_argument("--wheel", type=Path, help="the project's wheel (default: the newest in dist/)")
    options = parser.parse_args()
    wheel = options.wheel or newest_wheel(ROOT / "dist")
    with tempfile.TemporaryDirectory() as folder:
        dependencies = install(Path(folder, "dependencies"), ["--require-hashes", "-r", str(ROOT / "requirements.txt")])
        own = install(Path(folder, "own"), ["--no-deps", "--no-index", str(wheel)])
        layers = [runtime([dependencies]), site_packages(dependencies), {**site_packages(own), **launcher()}]
    version = wheel.name.split("-")[1]
    digest = write_layout(options.target, layers, version)
    size = sum(path.stat().st_size for path in (options.target / "blobs" / "sha256").iterdir())
    print(f"{options.target}: fluvial:v{version} {digest}, {size / 1e6:.1f} MB, {architecture()}")


def newest_wheel(folder: Path) -> Path:
    """Return the wheel that was built last."""
    wheels = sorted(folder.glob("fluvial-*.whl"), key=lambda path: path.stat().st_mtime)
    if not wheels:
        sys.exit(f"there is no wheel in {folder}: run `make wheel` first")
    return wheels[-1]


def install(target: Path, what: list[str]) -> Path:
    """Install wheels into a folder of their own and return it."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    subprocess.run([*command, "--only-binary", ":all:", "--target", str(target), *what], check=True)
    return target


def architecture() -> str:
    """Return this machine's architecture in OCI's words."""
    machine = platform.machine()
    return _ARCHITECTURES.get(machine, machine)


# -- layers


def site_packages(folder: Path) -> Layer:
    """Return the files of installed wheels, where the interpreter looks for them."""
    base = f"{PREFIX}/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    return {f"{base}/{name}": entry for name, entry in read_folder(folder, left_out={"__pycache__", "bin"})}


def launcher() -> Layer:
    """Return the `fluvial` command: the kernel starts the interpreter, no shell is needed."""
    text = f"#!/{PREFIX}/bin/python3 -P\nimport sys\nfrom fluvial.cli.entry import main\nsys.exit(main())\n"
    return {f"{PREFIX}/bin/fluvial": Entry(text.encode(), mode=0o755)}


def runtime(extensions: Iterable[Path]) -> Layer:
    """Return the interpreter, its library, and the shared libraries that it and `extensions` load."""
    executable = Path(sys.executable).resolve()
    library = Path(sysconfig.get_path("stdlib"))
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    layer: dict[str, Entry] = {
        f"{PREFIX}/bin/{name}": Entry(executable.read_bytes(), mode=0o755),
        f"{PREFIX}/bin/python3": Entry(link=name),
    }
    for path, entry in read_folder(library, left_out=_LEFT_OUT):
        if not _LEFT_OUT_MODULES.match(path.removeprefix("lib-dynload/")):
            layer[f"{PREFIX}/lib/{name}/{path}"] = entry
    modules = library.glob("lib-dynload/*.so")
    binaries = [executable, *(path for path in modules if not _LEFT_OUT_MODULES.match(path.name))]
    binaries += [path for folder in extensions for path in folder.rglob("*.so*")]
    layer |= shared_libraries(binaries, bundled=tuple(extensions))
    layer |= {
        "etc/passwd": Entry(b"root:x:0:0:root:/root:/none\nnobody:x:65534:65534:nobody:/tmp:/none\n"),
        "etc/group": Entry(b"root:x:0:\nnogroup:x:65534:\n"),
        "tmp": Entry(mode=0o1777),
        "data": Entry(mode=0o1777),
    }
    if _CERTIFICATES.exists():
        layer[str(_CERTIFICATES)[1:]] = Entry(_CERTIFICATES.read_bytes())
    return layer


def shared_libraries(binaries: Iterable[Path], bundled: tuple[Path, ...] = ()) -> Layer:
    """Return the libraries that `binaries` load, at the paths where the loader finds them on this machine.

    Args:
        bundled: libraries inside these folders come with their wheels.
    """
    found: dict[str, Entry] = {}
    folders: set[Path] = set()
    for path in sorted({path for binary in binaries for path in _loaded(binary)}):
        if any(folder in path.parents for folder in bundled):
            continue
        folders.add(path.parent)
        found[str(path)[1:]] = Entry(path.resolve().read_bytes(), mode=0o755)
    for folder in sorted(folders):
        for name in _BY_NAME:
            if (folder / name).exists():
                found.setdefault(str(folder / name)[1:], Entry((folder / name).resolve().read_bytes(), mode=0o755))
    return found


def _loaded(binary: Path) -> Iterator[Path]:
    """Yield the libraries and the loader that ldd names for one binary; none for what is not dynamic."""
    done = subprocess.run(["ldd", str(binary)], capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        if "not found" in line:
            sys.exit(f"{binary} needs a library that this machine lacks: {line.strip()}")
        match = re.search(r"(?:=> )?(/\S+) \(0x", line)
        if match:
            # The loader looks in /lib first; what is a link to /usr/lib there must stay at the name that was asked for.
            yield Path(match[1])


def read_folder(folder: Path, left_out: set[str]) -> Iterator[tuple[str, Entry]]:
    """Yield the files below a folder, sorted, links followed, without what is left out."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(n for n in folders if n not in left_out and not n.startswith(_LEFT_OUT_PREFIX))
        for name in sorted(names):
            path = Path(parent, name)
            executable = bool(path.stat().st_mode & stat.S_IXUSR)
            yield path.relative_to(folder).as_posix(), Entry(path.read_bytes(), mode=0o755 if executable else 0o644)


# -- the layout


def pack(layer: Layer) -> bytes:
    """Return the layer as a tar archive whose bytes depend on its content alone."""
    names = set(layer)
    for name in layer:
        names |= {parent.as_posix() for parent in Path(name).parents if parent.as_posix() != "."}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(names):
            entry = layer.get(name, Entry(mode=0o755))
            info = tarfile.TarInfo(name)
            info.mode = entry.mode
            if entry.link:
                info.type, info.linkname = tarfile.SYMTYPE, entry.link
            elif entry.data is None:
                info.type = tarfile.DIRTYPE
            else:
                info.size = len(entry.data)
            archive.addfile(info, io.BytesIO(entry.data or b""))
    return buffer.getvalue()


def write_layout(target: Path, layers: Iterable[Layer], version: str) -> str:
    """Write the layout and return the digest of its manifest."""
    blobs = target / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    for old in blobs.iterdir():
        old.unlink()

    def store(data: bytes, media_type: str) -> dict[str, object]:
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    prefix = "application/vnd.oci.image."
    archives = [pack(layer) for layer in layers]
    packed = [store(gzip.compress(archive, 6, mtime=0), f"{prefix}layer.v1.tar+gzip") for archive in archives]
    config = {
        "architecture": architecture(),
        "os": "linux",
        "config": {
            "User": USER,
            "Env": [
                f"PATH=/{PREFIX}/bin",
                "PYTHONDONTWRITEBYTECODE=1",
                "PYTHONUNBUFFERED=1",
                "HOME=/tmp",
                f"SSL_CERT_FILE={_CERTIFICATES}",
            ],
            "Entrypoint": ["fluvial"],
            "Labels": {"org.opencontainers.image.title": "fluvial", "org.opencontainers.image.version": version},
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(each).hexdigest()}" for each in archives]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{prefix}manifest.v1+json",
        "config": store(_json(config), f"{prefix}config.v1+json"),
        "layers": packed,
    }
    described = store(_json(manifest), f"{prefix}manifest.v1+json")
    described["annotations"] = {"org.opencontainers.image.ref.name": f"v{version}"}
    described["platform"] = {"architecture": architecture(), "os": "linux"}
    index = {"schemaVersion": 2, "mediaType": f"{prefix}index.v1+json", "manifests": [described]}
    (target / "index.json").write_bytes(_json(index))
    (target / "oci-layout").write_bytes(_json({"imageLayoutVersion": "1.0.0"}))
    return str(described["digest"])


def _json(value: object) -> bytes:
    return json.dumps(value, indent=2, sort_keys=True).encode() + b"\n"


if __name__ == "__main__":
    main()
