"""The order of a build, read from top to bottom: `accumulate` for one kustomization, `finish` once at the end.

Source: api `internal/target` (KustTarget), `krusty.Kustomizer`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from fluvial.kustomize.config import EMPTY, TransformerConfig, config_from, default_config
from fluvial.kustomize.crds import config_from_crds
from fluvial.kustomize.documents import resources_from
from fluvial.kustomize.errors import KustomizeError, NotSupported
from fluvial.kustomize.fieldspec import FieldSpec, FieldSpecs
from fluvial.kustomize.files import Root
from fluvial.kustomize.filters import generators
from fluvial.kustomize.filters.hashes import add_hashes
from fluvial.kustomize.filters.metadata import add_entry
from fluvial.kustomize.filters.origins import Origin, add_transformation, set_origin
from fluvial.kustomize.filters.references import fix_references
from fluvial.kustomize.filters.variables import NO_VARS, Vars, note_vars, resolve_vars
from fluvial.kustomize.ids import Gvk
from fluvial.kustomize.kustomization import (
    COMPONENT,
    FILE_NAMES,
    Kustomization,
    parse_kustomization,
    read_kustomization,
)
from fluvial.kustomize.plugins import Plugin, load_plugin
from fluvial.kustomize.records import GeneratorArgs, GeneratorOptions
from fluvial.kustomize.resmap import ResMap
from fluvial.kustomize.resource import LOCAL_CONFIG, ORIGIN, Resource
from fluvial.kustomize.schema import BUILT_IN_VERSION, Schemas
from fluvial.kustomize.transformers import built_in_transformers
from fluvial.kustomize.validation import check_unchanged
from fluvial.yamldoc import YamlError, load

_ORIGIN_SPECS = FieldSpecs([FieldSpec(Gvk(), "metadata/annotations", True)])
MAX_DEPTH = 100  # kustomizations below one another; upstream has no bound


class Accumulator:
    """What the kustomizations below have given so far."""

    __slots__ = ("config", "resources", "vars")

    def __init__(self) -> None:
        self.resources = ResMap()
        self.config: TransformerConfig = EMPTY
        self.vars: Vars = NO_VARS

    def absorb(self, other: "Accumulator") -> None:
        """Add what another one has.

        Raises:
            KustomizeError: an object or a var is in both, or their configs contradict each other.
        """
        self.resources.extend(other.resources)
        self.config = self.config.merged(other.config)
        self.vars = self.vars.merged(other.vars.by_name.values())


class SchemaChoice:
    """The types of the whole build: the first kustomization with an `openapi` field decides."""

    __slots__ = ("_chosen", "_keep_built_in", "schemas")

    def __init__(self, *, keep_built_in: bool) -> None:
        self._keep_built_in = keep_built_in
        self._chosen = False
        self.schemas = Schemas()

    def offer(self, file: Kustomization, root: Root) -> None:
        """Take the schema that a kustomization asks for, unless one is chosen already.

        Raises:
            KustomizeError: a version that is not built in, both path and version, or no OpenAPI document.
        """
        asked = file.openapi or {}
        data = root.load(asked["path"]) if "path" in asked else None
        if self._chosen:
            return
        if data is not None:
            if "version" in asked:
                raise KustomizeError("builtin version and custom schema provided, cannot use both", field="openapi")
            self.schemas = Schemas(_openapi(data, root.path(asked["path"])), built_in=self._keep_built_in)
            self._chosen = True
        elif asked.get("version"):
            if asked["version"] != BUILT_IN_VERSION:
                raise KustomizeError("the specified OpenAPI version is not built in", field="openapi.version")
            self._chosen = True


def _openapi(data: bytes, file: str) -> dict[str, object]:
    try:
        document = load(data)
    except YamlError as cause:
        raise KustomizeError(f"invalid schema file: {cause}", file=file, line=cause.line) from cause
    if not isinstance(document, dict):
        raise KustomizeError("invalid schema file: no OpenAPI document", file=file, field="openapi.path")
    return document


class Target:
    """One kustomization and its folder."""

    def __init__(self, root: Root, choice: SchemaChoice, depth: int = 0, instead: Any = None) -> None:
        """Read the kustomization in `root`, or take the value `instead` of it."""
        self.root = root
        self.choice = choice
        self.depth = depth
        self.file_name = _file_name(root, needed=instead is None)
        try:
            if instead is None:
                self.file = parse_kustomization(root.load(self.file_name), root.folder)
            else:
                self.file = read_kustomization(instead, root.folder)
        except KustomizeError as error:
            raise error.at(root.path(self.file_name)) from error
        self.origin: Origin | None = Origin() if self.file.build_metadata else None

    # --- the steps

    def accumulate(self, into: Accumulator) -> Accumulator:
        """Gather, generate, and transform, as this kustomization says.

        Args:
            into: empty for a kustomization of its own; what the parent has so far for a component.
        """
        file, root = self.file, self.root
        try:
            self._add_resources(into, file.resources or ())
        except KustomizeError as error:
            raise error.within("accumulating resources") from error
        into.config = into.config.merged(self._configurations())
        into.config = into.config.merged(config_from_crds(file.crds or (), root))
        self._generate(into)
        try:
            self._add_components(into, file.components or ())
        except KustomizeError as error:
            raise error.within("accumulating components") from error
        self._transform(into)
        self._validate(into)
        try:
            note_vars(into.resources, file.vars or ())
            into.vars = into.vars.merged(file.vars or ())
        except KustomizeError as error:
            raise error.within("merging vars") from error
        return into

    def recurse(self, into: Accumulator) -> Accumulator:
        """Accumulate on behalf of a kustomization above."""
        try:
            return self.accumulate(into)
        except KustomizeError as error:
            raise error.within(f"recursed accumulation of path '{self.root.folder}'") from error

    def finish(self, done: Accumulator) -> ResMap:
        """Do what is due once, after all layers: hashes, references, vars; and drop what is for local use."""
        resources = done.resources
        add_hashes(resources)
        fix_references(resources, done.config.name_reference)
        resolve_vars(resources, done.vars, done.config.var_reference)
        for item in resources:
            if not item.is_gone:
                item.validate()
        resources.reset(item for item in resources if not item.is_gone and item.note(LOCAL_CONFIG) in (None, "false"))
        return resources

    # --- resources and components

    def _add_resources(self, into: Accumulator, paths: Sequence[str]) -> None:
        for path in paths:
            try:
                self._add_file(into, path)
            except NotSupported:
                raise
            except KustomizeError as problem:
                self._add_folder(into, path, problem)

    def _add_file(self, into: Accumulator, path: str) -> None:
        try:
            resources = self._objects(path)
        except KustomizeError as error:
            raise error.within(f"accumulating resources from '{path}'") from error
        if self.origin is not None:
            text = self.origin.into(path).text()
            for item in resources:
                add_entry(item.node, ORIGIN, text, _ORIGIN_SPECS)
        try:
            into.resources.extend(resources)
        except KustomizeError as error:
            raise error.within(f"merging resources from '{path}'").at(self.root.path(path)) from error

    def _objects(self, path: str) -> list[Resource]:
        data = self.root.load(path)
        try:
            resources = resources_from(data, self.root.store)
            return resources if len(resources) < 2 else ResMap(resources).items
        except KustomizeError as error:
            if "MalformedYAMLError" in error.message:
                error = KustomizeError(f"{error.message} in File: {path}", line=error.line)
            raise error.at(self.root.path(path)) from error

    def _add_folder(self, into: Accumulator, path: str, problem: KustomizeError) -> None:
        """Take `path` as a folder after it was no file; `problem` says why it was none."""
        try:
            root = self.root.descend(path)
        except KustomizeError as error:
            if "MalformedYAMLError" in problem.message:
                raise problem from error
            raise self._twice(error, problem) from error
        try:
            target = self._below(root, component=False, origin=self._entered(path))
            done = target.recurse(Accumulator())
            try:
                into.absorb(done)
            except KustomizeError as error:
                raise error.within(f"recursed merging from path '{root.folder}'") from error
        except KustomizeError as error:
            raise self._twice(error, problem) from error

    def _twice(self, error: KustomizeError, problem: KustomizeError) -> KustomizeError:
        told = error.within(f"accumulation err='{problem.message}'")
        return told.at(problem.file, problem.line) if problem.file else told.at(self.root.path(self.file_name))

    def _add_components(self, into: Accumulator, paths: Sequence[str]) -> None:
        for path in paths:
            try:
                root = self.root.descend(path)
            except KustomizeError as error:
                raise error.quoted_within("loader.New").at(self.root.path(self.file_name)) from error
            try:
                self._below(root, component=True, origin=self._entered(path)).recurse(into)
            except KustomizeError as error:
                raise error.quoted_within("accumulateDirectory:") from error

    def _entered(self, path: str) -> Origin | None:
        return None if self.origin is None else self.origin.into(path)

    def _below(self, root: Root, *, component: bool, origin: Origin | None) -> "Target":
        if self.depth >= MAX_DEPTH:
            raise KustomizeError(f"kustomizations are nested deeper than {MAX_DEPTH} levels", file=root.folder)
        try:
            target = Target(root, self.choice, self.depth + 1)
        except KustomizeError as error:
            raise error.within(f"couldn't make target for path '{root.folder}'") from error
        target.file.build_metadata = self.file.build_metadata
        target.origin = origin
        self.choice.offer(target.file, root)
        kind = target.file.kind
        if component and kind != COMPONENT:
            raise KustomizeError(
                f"expected kind '{COMPONENT}' for path '{root.folder}' but got '{kind}'",
                file=root.path(target.file_name),
                field="kind",
            )
        if not component and kind == COMPONENT:
            raise KustomizeError(
                f"expected kind != '{COMPONENT}' for path '{root.folder}'",
                file=root.path(target.file_name),
                field="kind",
            )
        return target

    # --- configs

    def _configurations(self) -> TransformerConfig:
        config = default_config()
        more = EMPTY
        for path in self.file.configurations or ():
            try:
                more = more.merged(config_from(load(self.root.load(path))))
            except YamlError as cause:
                raise KustomizeError(str(cause), file=self.root.path(path), line=cause.line) from cause
            except KustomizeError as error:
                raise error.at(self.root.path(path)) from error
        return config.merged(more)

    # --- generators

    def _generate(self, into: Accumulator) -> None:
        for made, origin in self._generated():
            if origin is not None:
                for item in made:
                    if item.note(ORIGIN) is None:
                        set_origin(item, origin)
            try:
                into.resources.absorb(made)
            except KustomizeError as error:
                raise error.within("merging from generator").at(self.root.path(self.file_name)) from error

    def _generated(self) -> Iterator[tuple[list[Resource], Origin | None]]:
        file = self.file
        if file.helm_charts:
            raise NotSupported(
                "trouble configuring builtin HelmChartInflationGenerator with config: must specify --enable-helm:"
                " charts are not inflated here: use a HelmRelease",
                file=self.root.path(self.file_name),
                field="helmCharts",
            )
        for field, kind, make in (
            ("config_map_generator", "ConfigMapGenerator", generators.config_map),
            ("secret_generator", "SecretGenerator", generators.secret),
        ):
            entries: list[GeneratorArgs] = getattr(file, field) or []
            for args in entries:
                options = (args.options or GeneratorOptions()).under(file.generator_options)
                origin = None if self.origin is None else self.origin.configured(self.file_name, kind)
                try:
                    yield [make(replace(args, options=options), self.root)], origin
                except KustomizeError as error:
                    raise error.at(self.root.path(self.file_name)) from error
        try:
            plugins = self._plugins(file.generators or ())
        except KustomizeError as error:
            raise error.within("loading generator plugins: failed to load generator") from error
        for plugin in plugins:
            if plugin.generate is None:
                raise KustomizeError(
                    "loading generator plugins: failed to load generator: plugin not a generator", field="generators"
                )
            yield plugin.generate(), plugin.origin

    def _plugins(self, entries: Sequence[str]) -> list[Plugin]:
        """Load plugins: an entry is an object itself, or the path of a file or folder of objects."""
        found = Accumulator()
        paths = []
        for entry in entries:
            try:
                inline = ResMap(resources_from(entry.encode(), self.root.store)).items
            except KustomizeError:
                paths.append(entry)
                continue
            if self.origin is not None:
                for item in inline:
                    set_origin(item, self.origin.into(self.file_name))
            found.resources.extend(inline)
        self._add_resources(found, paths)
        return [load_plugin(item, self.root, self.choice.schemas) for item in found.resources]

    # --- transformers

    def _transform(self, into: Accumulator) -> None:
        resources = into.resources
        try:
            built_in = built_in_transformers(self.file, into.config, self.root, self.choice.schemas)
        except KustomizeError as error:
            raise error.at(self.root.path(self.file_name)) from error
        for plugin in [*built_in, *self._external()]:
            if plugin.transform is None:
                raise KustomizeError("plugin not a transformer", field="transformers")
            try:
                plugin.transform(resources)
            except KustomizeError as error:
                raise error.at(self.root.path(self.file_name)) from error
            origin = self._plugin_origin(plugin)
            if origin is not None:
                for item in resources:
                    add_transformation(item, origin)
            if not plugin.tells:
                resources.changed()
            resources.drop_gone()

    def _external(self) -> list[Plugin]:
        return self._plugins(self.file.transformers or ())

    def _plugin_origin(self, plugin: Plugin) -> Origin | None:
        if plugin.origin is None or not plugin.built_in:
            return plugin.origin
        return None if self.origin is None else self.origin.configured(self.file_name, plugin.origin.kind)

    def _validate(self, into: Accumulator) -> None:
        for plugin in self._plugins(self.file.validators or ()):
            if plugin.transform is None:
                raise KustomizeError("plugin not a transformer", field="validators")
            check_unchanged(into.resources, plugin.transform)


def _file_name(root: Root, *, needed: bool) -> str:
    found = [name for name in FILE_NAMES if root.store.tree.is_file(root.path(name))]
    if len(found) > 1:
        raise KustomizeError(f"Found multiple kustomization files under: {root.folder}\n", file=root.folder)
    if not found and needed:
        quoted = [f"'{name}'" for name in FILE_NAMES]
        raise KustomizeError(
            f"unable to find one of {', '.join(quoted[:-1])} or {quoted[-1]} in directory '{root.folder}'"
        )
    return found[0] if found else FILE_NAMES[0]
