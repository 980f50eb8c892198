"""The order of the output: as met, or by kind. Source: api `SortOrderTransformer`."""

from fluvial.kustomize.config import LEGACY_FIRST, LEGACY_LAST, kind_ranks
from fluvial.kustomize.errors import KustomizeError
from fluvial.kustomize.ids import ResId
from fluvial.kustomize.records import SortOptions
from fluvial.kustomize.resmap import ResMap

FIFO, LEGACY = "fifo", "legacy"


def sort(resources: ResMap, options: SortOptions) -> None:
    """Sort as `sortOptions` says.

    Raises:
        KustomizeError: an order that does not exist, or options that do not fit it.
    """
    legacy = options.legacy_sort_options
    if options.order not in (FIFO, LEGACY):
        raise KustomizeError(
            f"the field 'sortOptions.order' must be one of [{FIFO}, {LEGACY}]", field="sortOptions.order"
        )
    if options.order == FIFO:
        if legacy is not None:
            raise KustomizeError(
                "the field 'sortOptions.legacySortOptions' is set but the selected sort order is 'fifo', not 'legacy'",
                field="sortOptions.legacySortOptions",
            )
        return
    first = LEGACY_FIRST if legacy is None else tuple(legacy.order_first)
    last = LEGACY_LAST if legacy is None else tuple(legacy.order_last)
    ranks = kind_ranks(first, last)
    resources.items.sort(key=lambda item: _legacy_key(item.id, ranks))


def _legacy_key(one: ResId, ranks: dict[str, int]) -> tuple[int, bytes, bytes]:
    group, version, kind = one.gvk
    gvk_text = f"{group or '~G'}_{version or '~V'}_{kind or '~K'}"
    # among Namespaces the core group's comes first, against the alphabet
    if kind == "Namespace":
        gvk_text = ("0" if not group else "1") + gvk_text
    id_text = f"{one.gvk}|{one.namespace or '~X'}|{one.name or '~N'}"
    return ranks.get(kind, 0), gvk_text.encode(), id_text.encode()
