"""Change image names, tags and digests. Source: api `filters/imagetag`, `internal/image`."""

from collections.abc import Iterable

from fluvial.kustomize.fields import bare_node, expect, get, is_null, set_scalar
from fluvial.kustomize.fieldspec import Change, FieldSpecs, apply_specs
from fluvial.kustomize.ids import compile_pattern
from fluvial.kustomize.records import Image
from fluvial.kustomize.resmap import ResMap
from fluvial.yamldoc.nodes import MAPPING, SCALAR, SEQUENCE, Node

_LISTS = ("containers", "initContainers")
_REST = r"(:[a-zA-Z0-9_.{}-]*)?(@sha256:[a-zA-Z0-9_.{}-]*)?$"


class ImageFields:
    """The image fields of the resources, found once: images change their values, not where they are."""

    __slots__ = ("_fields",)

    def __init__(self, resources: ResMap, specs: FieldSpecs) -> None:
        self._fields: list[Node] = []
        objects = [item.node for item in resources if item.kind != "CustomResourceDefinition"]
        for node in objects:
            _find(node, self._fields)
        change = Change(self._fields.append)
        for node in objects:
            apply_specs(node, specs, change)

    def change(self, image: Image) -> None:
        """Change the fields whose image has the name `image.name` (a regular expression, as upstream).

        Raises:
            KustomizeError: a field is no scalar, or the name no regular expression.
        """
        search = compile_pattern("^" + image.name + _REST)
        known: dict[str, bool] = {}
        for node in self._fields:
            expect(node, SCALAR)
            text = node.value
            matches = known.get(text)
            if matches is None:
                matches = known[text] = search(text) is not None
            if matches:
                set_scalar(node, bare_node(changed_image(text, image)))


def change_images(resources: ResMap, images: Iterable[Image], specs: FieldSpecs) -> None:
    """Apply `images` in order to every image field."""
    fields = ImageFields(resources, specs)
    for image in images:
        fields.change(image)


def _find(node: Node, found: list[Node]) -> None:
    """Collect `image` of every item of a list named containers or initContainers, at any depth."""
    if node.kind == MAPPING:
        for key, child in node.content.items():
            if child.kind != SCALAR:
                _find(child, found)
                if key in _LISTS and child.kind == SEQUENCE:
                    for item in child.content:
                        image = get(item, "image")
                        if image is not None and not is_null(image):
                            found.append(image)
    elif node.kind == SEQUENCE:
        for child in node.content:
            if child.kind != SCALAR:
                _find(child, found)


def changed_image(text: str, image: Image) -> str:
    """Return the image reference `text` with the name, tag and digest that `image` gives."""
    name, tag, digest = split_image(text)
    name = image.new_name or name
    if image.new_tag or image.digest:
        tag, digest = image.new_tag, image.digest
    elif image.tag_suffix:
        tag, digest = tag + image.tag_suffix, ""
    return name + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")


def split_image(text: str) -> tuple[str, str, str]:
    """Return name, tag and digest of an image reference; a port is part of the name."""
    slash = max(text.find("/"), 0)
    at, colon = text.find("@", slash), text.find(":", slash)
    if at >= 0 and (colon < 0 or at < colon):
        return text[:at], "", text[at + 1 :]
    if colon < 0:
        return text, "", ""
    if at >= 0:
        return text[:colon], text[colon + 1 : at], text[at + 1 :]
    return text[:colon], text[colon + 1 :], ""
