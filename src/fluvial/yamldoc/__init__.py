"""YAML text to values and back, read and written the way Go's YAML libraries do.

Values have JSON's shape: dict with string keys, list, str, int, float, bool, None. What YAML can say beyond that is
converted as sigs.k8s.io/yaml converts it (a key `1` becomes `"1"`), or is an error (`.inf`, a null key).

Two rule sets exist because Go has two libraries. `v2` is what the Kubernetes machinery, kubectl and Flux read with
(go.yaml.in/yaml/v2 below sigs.k8s.io/yaml): `yes`, `on`, `y` are booleans. `v3` is gopkg.in/yaml.v3. kustomize's kyaml
keeps the text of scalars; read with `v2` rules what it hands to the Kubernetes machinery.
"""

from fluvial.yamldoc.errors import YamlError
from fluvial.yamldoc.reader import Document, load, load_all
from fluvial.yamldoc.scalars import Rules
from fluvial.yamldoc.writer import dump, dump_all

__all__ = ["Document", "Rules", "YamlError", "dump", "dump_all", "load", "load_all"]
