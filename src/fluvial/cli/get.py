"""`get`: the statuses of Flux objects, as tables or as `-o json|yaml|name|wide`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from fluvial.cli import flags, kinds, output, table
from fluvial.cli.command import Child, Command, Group
from fluvial.cli.errors import Failure, UsageFailure
from fluvial.cli.failures import explain
from fluvial.cli.fetch import NAME
from fluvial.cli.kinds import FluxKind
from fluvial.cli.session import Session
from fluvial.objects import LabelSelector, Object, SelectorError, dig

_WIDE = ("Age", "Generation", "Observed")


@dataclass(frozen=True, slots=True)
class Options:
    """The flags of every `get`."""

    all_namespaces: bool
    no_header: bool
    watch: bool
    status_selector: str
    label_selector: str
    output: str
    show_source: bool = False
    with_kind: bool = False  # `get all`: names carry their kind, empty kinds are passed over


async def get(session: Session, kind: FluxKind, arguments: tuple[str, ...], options: Options) -> None:
    """Print the objects of one kind."""
    if options.watch and options.output in ("json", "yaml"):
        raise UsageFailure(f"--watch cannot be combined with -o {options.output}")
    keep = _status_filter(kind, options.status_selector)
    selector = _labels(options.label_selector)
    namespace = None if options.all_namespaces else session.namespace
    name = arguments[0] if arguments else ""
    fields = f"{NAME}={name}" if name else ""
    client = await session.client()
    if options.watch:
        first = True
        async for event in client.watch(kind.api_version, kind.kind, namespace, labels=selector, fields=fields):
            if event.type != "BOOKMARK":
                shown = [event.object] if keep(event.object) else []
                session.print(_text(session, kind, shown, options, header=first), end="")
                first = False
        return
    objects = (await client.list(kind.api_version, kind.kind, namespace, labels=selector, fields=fields)).items
    if not objects and (name or not options.with_kind):
        where = "any" if options.all_namespaces else f'"{session.namespace}"'
        if name:
            raise Failure(f"{kind.kind} object '{name}' not found in {where} namespace")
        raise Failure(f"no {kind.kind} objects found in {where} namespace")
    shown = [obj for obj in objects if keep(obj)]
    if options.with_kind and not shown:
        return
    session.print(_text(session, kind, shown, options, header=True), end="\n" if options.with_kind else "")


def _labels(selector: str) -> str:
    try:
        LabelSelector.parse(selector)
    except SelectorError as wrong:
        raise UsageFailure(f"unable to parse label selector: {wrong}") from wrong
    return selector


def _text(session: Session, kind: FluxKind, objects: Sequence[Object], options: Options, *, header: bool) -> str:
    if options.output in ("json", "yaml", "name"):
        return output.render(objects, options.output)
    wide = options.output == "wide"
    heads = () if options.no_header or not header else _heads(kind, options, wide=wide)
    now = session.world.clock.now()
    rows = [[*_row(kind, obj, options), *(_wide_cells(kind, obj, now) if wide else ())] for obj in objects]
    return table.render(heads, rows)


def _heads(kind: FluxKind, options: Options, *, wide: bool) -> Sequence[str]:
    heads = ["Namespace"] if options.all_namespaces else []
    heads.append("Name")
    if options.show_source:
        heads.append("Source")
    return [*heads, *kind.columns, *((*(head for head, _ in kind.wide), *_WIDE) if wide else ())]


def _wide_cells(kind: FluxKind, obj: Object, now: datetime) -> Sequence[str]:
    return [*(cell(obj) for _, cell in kind.wide), *output.wide_cells(obj, now)]


def _row(kind: FluxKind, obj: Object, options: Options) -> Sequence[str]:
    name = str(dig(obj, "metadata", "name", default=""))
    cells = [str(dig(obj, "metadata", "namespace", default=""))] if options.all_namespaces else []
    cells.append(f"{kind.kind.lower()}/{name}" if options.with_kind else name)
    if options.show_source:
        cells.append(kinds.source_of(obj))
    return [*cells, *kind.row(obj)]


class _StatusFilter:
    """Keeps objects whose condition has, or with `!=` has not, the status asked for."""

    def __init__(self, kind: FluxKind, type_: str, status: str, negated: bool) -> None:
        self._static = bool(kind.always_ready)
        self._type = type_.lower()
        self._status = status.lower()
        self._negated = negated

    def __call__(self, obj: Object) -> bool:
        return self._matches(obj) != self._negated

    def _matches(self, obj: Object) -> bool:
        if self._static:
            return self._type == "ready" and self._status == "true"
        found = [c for c in dig(obj, "status", "conditions", default=[]) if str(c.get("type")).lower() == self._type]
        return bool(found) and str(found[-1].get("status")).lower() == self._status


def _everything(obj: Object) -> bool:
    return True


def _status_filter(kind: FluxKind, selector: str) -> Callable[[Object], bool]:
    if not selector:
        return _everything
    separator = "!=" if "!=" in selector else "="
    type_, found, status = selector.partition(separator)
    if not found:
        raise Failure(f"expected status selector in type=status or type!=status format, but found: {selector}")
    return _StatusFilter(kind, type_, status, separator == "!=")


def _make(kind: FluxKind) -> Command:
    showing = kind in (kinds.KUSTOMIZATION, kinds.HELM_RELEASE)
    source = flags.boolean("show-source", f"show the source reference for each {kind.kind.lower()}")

    async def run(session: Session, arguments: tuple[str, ...], **given: object) -> None:
        await get(session, kind, arguments, Options(**given))  # type: ignore[arg-type]

    return Command(
        kind.plural[0],
        f"Get {kind.kind} statuses",
        run,
        usage="[name]",
        aliases=kind.plural[1:],
        long=f"The get command prints the statuses of the {kind.kind} resources.",
        own=[source] if showing else [],
    )


def _all_of(name: str, members: Sequence[FluxKind]) -> Command:
    async def run(session: Session, arguments: tuple[str, ...], **given: object) -> None:
        if given["watch"]:
            raise UsageFailure(f"expected a single resource type, but found {name}")
        options = Options(**given, with_kind=True)  # type: ignore[arg-type]
        await _get_all(session, members, arguments, options)

    return Command(name, "Get all statuses", run, long="The get all command prints the statuses of all resources.")


async def _get_all(session: Session, members: Sequence[FluxKind], arguments: tuple[str, ...], options: Options) -> None:
    """Print one table a kind; a kind that the server lacks is passed over, and other errors do not stop the rest."""
    from fluvial.kube import NotServed

    if options.output in ("json", "yaml", "name"):
        await _get_all_as_data(session, members, arguments, options)
        return
    for kind in members:
        try:
            await get(session, kind, arguments, options)
        except NotServed:
            continue
        except Exception as error:
            if explain(error) is None:
                raise
            session.say.failure(str(error))


async def _get_all_as_data(
    session: Session, members: Sequence[FluxKind], arguments: tuple[str, ...], options: Options
) -> None:
    """Print one list of all kinds, so that the output stays one document."""
    from fluvial.kube import NotServed

    namespace = None if options.all_namespaces else session.namespace
    fields = f"{NAME}={arguments[0]}" if arguments else ""
    client = await session.client()
    found: list[Object] = []
    for kind in members:
        keep = _status_filter(kind, options.status_selector)
        try:
            listed = await client.list(
                kind.api_version, kind.kind, namespace, labels=_labels(options.label_selector), fields=fields
            )
        except NotServed:
            continue
        found += [obj for obj in listed.items if keep(obj)]
    session.print(output.render(found, options.output), end="")


def _group(name: str, short: str, members: Sequence[FluxKind], aliases: Sequence[str], *, all_: bool = True) -> Group:
    children = [_make(kind) for kind in members]
    if all_:
        children.insert(0, _all_of("all", members))
    return Group(name, short, sorted(children, key=lambda child: str(child.name)), aliases=aliases)


_GROUPS: list[Child | Command] = [
    _all_of("all", (*kinds.SOURCES, *kinds.IMAGES, *kinds.OTHERS)),
    _group("sources", "Get source statuses", kinds.SOURCES, ("source",)),
    _group("images", "Get image automation object status", kinds.IMAGES, ("image",)),
    _group("artifacts", "Get artifact object status", [kinds.ARTIFACT_GENERATOR], ("artifact",), all_=False),
    *(_make(kind) for kind in kinds.OTHERS),
]

command = Group(
    "get",
    "Get the resources and their status",
    sorted(_GROUPS, key=lambda child: str(child.name)),
    long="The get sub-commands print the statuses of Flux resources.",
    shared=[
        flags.boolean("all-namespaces", "list the requested object(s) across all namespaces", letter="A"),
        flags.boolean("no-header", "skip the header when printing the results"),
        flags.boolean("watch", "After listing/getting the requested object, watch for changes.", letter="w"),
        flags.text(
            "status-selector",
            "specify the status condition name and the desired state to filter the get result, e.g. ready=false or "
            "ready!=true",
        ),
        flags.text("label-selector", "filter objects by label selector", letter="l"),
        flags.choice(
            "output",
            "output format (not in flux): json, yaml, name or wide",
            ("json", "yaml", "name", "wide"),
            lambda value: "must be one of json, yaml, name, wide",
            letter="o",
        ),
    ],
)
