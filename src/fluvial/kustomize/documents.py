"""Files to objects: documents split, parsed, checked, and lists taken apart.

Source: kyaml `kio.FromBytes`; api `resource.Factory` (SliceFromBytes).
"""

from typing import Any

from fluvial.kustomize.errors import KustomizeError
from fluvial.kustomize.fields import is_empty
from fluvial.kustomize.files import Store
from fluvial.kustomize.resource import Resource, check_metadata
from fluvial.kustomize.values import json_text_node, to_json
from fluvial.yamldoc import YamlError
from fluvial.yamldoc.nodes import MAPPING, Node, first_node

_KEPT_BYTES = 1 << 20  # a larger file is parsed anew each time: keeping its key would cost more than it saves


def resources_from(data: bytes, store: Store) -> list[Resource]:
    """Return the objects in `data`; each call gives fresh ones.

    Raises:
        KustomizeError: no YAML, or a document that is no Kubernetes object.
    """
    parsed = store.parsed
    if len(data) > _KEPT_BYTES or (parsed is None and data not in store.seen):
        # most files are read once in a build: their nodes are handed out as they are
        store.seen.add(data)
        return [Resource(node) for node in objects_in(data)]
    if parsed is None:
        parsed = store.again
    nodes = parsed.get(data)
    if nodes is None:
        nodes = parsed[data] = objects_in(data)
    return [Resource(node.copy()) for node in nodes]


def objects_in(data: bytes) -> list[Node]:
    """Return the nodes of the objects in `data`, lists taken apart.

    Raises:
        KustomizeError: no YAML, or a document that is no Kubernetes object.
    """
    queue = _checked(_documents(data))
    found: list[Node] = []
    while queue:
        node = queue.pop(0)
        kind = node.content.get("kind")
        items = _items(node) if kind is not None and kind.value.endswith("List") else None
        if items is None:
            found.append(node)
        else:
            queue.extend(items)  # behind what is still to come, as upstream
    return found


def _checked(nodes: list[Node]) -> list[Node]:
    kept = [node for node in nodes if not is_empty(node)]
    for node in kept:
        check_metadata(node)
    return kept


def _items(node: Node) -> list[Node] | None:
    """Return the items of a list object, None if it has no items field and is an object of its own."""
    value: dict[str, Any] = to_json(node)
    if "items" not in value:
        return None
    items = value["items"]
    if items is None:
        return []
    if not isinstance(items, list):
        raise KustomizeError(f"expected array in {value.get('kind')}/items, but found {type(items).__name__}")
    nodes = (json_text_node(item) for item in items)
    return _checked([item for item in nodes if item is not None])


def _documents(data: bytes) -> list[Node]:
    """Return the documents, those of a single `List` or `ResourceList` document in its place."""
    texts = split_documents(data)
    nodes = []
    for text, line in texts:
        try:
            node = first_node(text)
        except YamlError as cause:
            where = cause.line + line if cause.line else 0
            problem = f"line {where}: {cause.problem}" if where else cause.problem
            raise KustomizeError(f"MalformedYAMLError: yaml: {problem}", line=where) from cause
        if node is not None:
            nodes.append(node)
    if len(texts) == 1 and len(nodes) == 1 and nodes[0].kind == MAPPING:
        kind, items = nodes[0].content.get("kind"), nodes[0].content.get("items")
        if (
            kind is not None
            and kind.value in ("List", "ResourceList")
            and (items is not None or "functionConfig" in nodes[0].content)
        ):
            return list(items.content) if items is not None and isinstance(items.content, list) else []
    return nodes


def split_documents(data: bytes) -> list[tuple[bytes, int]]:
    """Split at lines that begin with `---`, and tell how many lines stand before each document.

    Raises:
        KustomizeError: something else than a comment follows the dashes.
    """
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
    if b"\n---" not in data:
        return [(data, 0)] if data else []
    documents: list[tuple[bytes, int]] = []
    start = search = line = 0
    while True:
        begin = data.find(b"\n---", search)
        end = data.find(b"\n", begin + 4) if begin >= 0 else -1
        if begin < 0 or end < 0:
            documents.append((data[start:], line))
            return documents
        behind = data[begin + 4 : end].strip()
        if behind and not behind.startswith(b"#"):
            shown = data[begin:end].strip().decode("utf-8", "replace")
            raise KustomizeError(
                f"invalid document separator: {shown}", line=line + data.count(b"\n", start, begin) + 2
            )
        documents.append((data[start : begin + 1], line))
        line += data.count(b"\n", start, end + 1)
        start = search = end + 1
