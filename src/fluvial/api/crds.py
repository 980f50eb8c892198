"""The CustomResourceDefinitions of the Flux kinds, with the old versions served beside v1.

`data/crds.json` is made from Flux's released files by `tools/crds/merge.py`; origin and licence stand in
`tools/crds/README.md`.
"""

import json

from fluvial.objects import Object
from fluvial.stdx import package_data


def crds() -> list[Object]:
    """The CRDs of every Flux kind, sorted by name; new objects at each call (350 kB of JSON), so keep the result."""
    found = json.loads(package_data("fluvial.api", "data/crds.json"))
    if not isinstance(found, list):
        raise TypeError("data/crds.json does not hold a list")
    return found
