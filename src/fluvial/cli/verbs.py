"""Groups of commands that do the same to every kind: `suspend source git`, `suspend kustomization`, …"""

from collections.abc import Callable, Sequence

from fluvial.cli.command import Command, Group, unbuilt
from fluvial.cli.flags import Flag
from fluvial.cli.kinds import FluxKind

_SUBGROUPS = {"source": "sources", "image": "image objects", "artifact": "artifact objects"}


def by_kind(
    verb: str,
    short: str,
    long: str,
    kinds: Sequence[FluxKind],
    make: Callable[[FluxKind], Command],
    *,
    shared: Sequence[Flag] = (),
    subgroup_flags: Sequence[Flag] = (),
    missing: Sequence[str] = (),
) -> Group:
    """Return the group `verb` with a command of `make` for each of `kinds`, sources and images in groups of their own.

    Args:
        shared: flags of every command.
        subgroup_flags: flags of every command under `source`.
        missing: names of commands that flux has here and this program does not.
    """
    children: list[Command] = []
    for under, what in _SUBGROUPS.items():
        inside = [make(kind) for kind in kinds if kind.under == under]
        if inside:
            flags = subgroup_flags if under == "source" else ()
            text = f"{verb.capitalize()} {what}"
            children.append(
                Group(under, text, inside, long=f"The {verb} {under} sub-commands {verb} {what}.", shared=flags)
            )
    children += [make(kind) for kind in kinds if not kind.under]
    refused = [unbuilt(name) for name in missing]
    return Group(
        verb, short, [*sorted(children, key=lambda child: str(child.name)), *refused], long=long, shared=shared
    )
