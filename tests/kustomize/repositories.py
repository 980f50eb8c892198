"""Random small repositories of the awkward sort: every feature, few names, so that things meet."""

from random import Random
from typing import Any

from tests.kustomize.random_yaml import Writer

NAMES = ("a", "b", "a-b", "web")
SPACES = (None, None, "x", "default")
IMAGES = ("web", "web:1", "r.io:5000/web:v1", "web@sha256:ab", "r.io/x/proxy:1.2@sha256:cd")
TEXTS = (
    *(
        "plain",
        "1",
        "1.0",
        "1e3",
        "0x1f",
        "yes",
        "n",
        "null",
        "~",
        "true",
        "",
        " lead",
        "trail ",
        "a: b",
        "a #b",
        "- a",
    ),
    *(
        "2020-01-01",
        "0777",
        "1_000",
        ".5",
        "é",
        "tab\tin",
        "two\nlines",
        "end\n",
        "one\n\ntwo\n",
        " indented\n  more\n",
    ),
    *(
        "*x",
        "&y",
        "!z",
        "%d",
        "@at",
        "`tick",
        "{}",
        "[]",
        "?",
        ":",
        "-",
        "=",
        "<<",
        "[a",
        "it's",
        'say "x"',
        "back\\slash",
    ),
    *("$(VAR)", "${x}", "long " * 30, "NaN", ".inf", "-1", "+1", "12e03", "0o7", "0b1", "190:20:30", "off", "Yes"),
)
KEYS = ("k", "a.b", "c/d", "UP", "x-y", "under_score", "1key", "true", "y")
RBAC = "rbac.authorization.k8s.io/v1"


class Repository(Writer):
    """Files made from one seed."""

    def __init__(self, seed: int) -> None:
        super().__init__(Random(seed))
        self.files: dict[str, str] = {}
        self.objects: list[dict[str, Any]] = []
        layers = self.random.randint(1, 3)
        for layer in range(layers):
            self._layer(layer)
        self.top = f"l{layers - 1}"

    # --- values

    def name(self) -> str:
        return self.random.choice(NAMES)

    def text(self) -> str:
        return self.random.choice(TEXTS)

    def scalar(self) -> Any:
        return self.pick(self.text(), self.text(), 1, 2.5, True, None, 10**20, 1e21, 0)

    def mapping(self, most: int = 3) -> dict[str, Any]:
        return {self.random.choice(KEYS): self.text() for _ in range(self.random.randint(0, most))}

    def tags(self) -> dict[str, str]:
        return {
            self.pick("app", "team", "a.b/c"): self.pick("a", "b", "1", "true")
            for _ in range(self.random.randint(1, 2))
        }

    def tree(self, depth: int = 2) -> Any:
        if depth == 0 or self.chance(0.4):
            return self.scalar()
        if self.chance(0.5):
            return {self.pick("p", "q", "list", "name"): self.tree(depth - 1) for _ in range(self.random.randint(0, 3))}
        return [self.tree(depth - 1) for _ in range(self.random.randint(0, 3))]

    # --- objects

    def object(self) -> dict[str, Any]:
        kind, version, spec = self._kind()
        metadata: dict[str, Any] = {"name": self.name()}
        namespace = self.random.choice(SPACES)
        if namespace and kind not in ("Namespace", "ClusterRoleBinding", "ClusterRole"):
            metadata["namespace"] = namespace
        if self.chance(0.3):
            metadata["labels"] = self.tags()
        if self.chance(0.2):
            metadata["annotations"] = self.mapping(2) if self.chance(0.5) else {"note": self.text()}
        return {"apiVersion": version, "kind": kind, "metadata": metadata, **spec}

    def _kind(self) -> tuple[str, str, dict[str, Any]]:
        return self.pick(
            ("ConfigMap", "v1", {"data": self.mapping()}),
            ("ConfigMap", "v1", {"data": self.mapping()}),
            ("Secret", "v1", {"stringData": self.mapping(), "type": "Opaque"}),
            ("Service", "v1", {"spec": {"selector": self.tags(), "ports": [self.port() for _ in range(2)]}}),
            ("ServiceAccount", "v1", {"imagePullSecrets": [{"name": self.name()}]} if self.chance(0.3) else {}),
            ("Namespace", "v1", {}),
            ("Deployment", "apps/v1", {"spec": {"replicas": 1, **self.selector(), "template": self.template()}}),
            ("Deployment", "apps/v1", {"spec": {"template": self.template()}}),
            ("StatefulSet", "apps/v1", {"spec": {"serviceName": self.name(), "template": self.template()}}),
            ("CronJob", "batch/v1", {"spec": {"jobTemplate": {"spec": {"template": self.template()}}}}),
            ("Pod", "v1", {"spec": self.pod()}),
            ("Role", RBAC, {"rules": [{"resources": ["secrets"], "resourceNames": [self.name()], "verbs": ["get"]}]}),
            ("RoleBinding", RBAC, self.binding("Role")),
            ("ClusterRoleBinding", RBAC, self.binding("ClusterRole")),
            ("Ingress", "networking.k8s.io/v1", {"spec": self.ingress()}),
            ("HorizontalPodAutoscaler", "autoscaling/v2", {"spec": {"scaleTargetRef": self.scaled()}}),
            (
                "NetworkPolicy",
                "networking.k8s.io/v1",
                {"spec": {"podSelector": self.pick({}, {"matchLabels": self.tags()})}},
            ),
            ("Foo", "a.io/v1", {"spec": {"t": self.tree(), "list": [self.tree(1), self.tree(1)], "u": self.tree()}}),
            ("Foo", "a.io/v1", {"spec": {"containers": [self.container()], "configMapRef": {"name": self.name()}}}),
        )

    def port(self) -> dict[str, Any]:
        return {"port": self.pick(80, 443), **({"name": self.pick("http", "x")} if self.chance(0.5) else {})} | (
            {"protocol": self.pick("TCP", "UDP")} if self.chance(0.4) else {}
        )

    def selector(self) -> dict[str, Any]:
        return {"selector": {"matchLabels": self.tags()}} if self.chance(0.7) else {}

    def template(self) -> dict[str, Any]:
        return {**({"metadata": {"labels": self.tags()}} if self.chance(0.7) else {}), "spec": self.pod()}

    def pod(self) -> dict[str, Any]:
        pod: dict[str, Any] = {"containers": [self.container() for _ in range(self.random.randint(1, 3))]}
        if self.chance(0.3):
            pod["initContainers"] = [self.container()]
        if self.chance(0.4):
            pod["serviceAccountName"] = self.name()
        if self.chance(0.4):
            pod["volumes"] = [{"name": self.name(), **self.volume()} for _ in range(self.random.randint(1, 2))]
        if self.chance(0.2):
            pod["tolerations"] = [{"key": self.name(), "operator": "Exists"}]
        return pod

    def container(self) -> dict[str, Any]:
        container: dict[str, Any] = {"name": self.name(), "image": self.random.choice(IMAGES)}
        if self.chance(0.4):
            container["env"] = [self.env() for _ in range(self.random.randint(1, 3))]
        if self.chance(0.3):
            container["envFrom"] = [{self.pick("configMapRef", "secretRef"): {"name": self.name()}}]
        if self.chance(0.3):
            container["ports"] = [{"containerPort": self.pick(80, 443), "protocol": "TCP"}]
        if self.chance(0.2):
            container["args"] = [self.text(), self.text()]
        return container

    def env(self) -> dict[str, Any]:
        source = {"valueFrom": {self.pick("configMapKeyRef", "secretKeyRef"): {"name": self.name(), "key": "k"}}}
        return {"name": self.pick("A", "B", "C"), **self.pick({"value": self.text()}, source)}

    def volume(self) -> dict[str, Any]:
        return self.pick(
            {"configMap": {"name": self.name()}},
            {"secret": {"secretName": self.name()}},
            {"persistentVolumeClaim": {"claimName": self.name()}},
            {"emptyDir": {}},
            {"projected": {"sources": [{"secret": {"name": self.name()}}]}},
        )

    def binding(self, kind: str) -> dict[str, Any]:
        subject = {
            "kind": "ServiceAccount",
            "name": self.pick("default", "a", "b"),
            "namespace": self.pick("x", "default"),
        }
        return {
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": self.name()},
            "subjects": [subject, {"kind": "User", "name": "u"}],
        }

    def ingress(self) -> dict[str, Any]:
        backend = {"service": {"name": self.name(), "port": {"number": 80}}}
        return {
            "rules": [{"http": {"paths": [{"path": "/", "backend": backend}]}}],
            "tls": [{"secretName": self.name()}],
        }

    def scaled(self) -> dict[str, Any]:
        return {"apiVersion": "apps/v1", "kind": self.pick("Deployment", "StatefulSet"), "name": self.name()}

    # --- kustomizations

    def _layer(self, layer: int) -> None:
        folder = f"l{layer}"
        fields: dict[str, Any] = {}
        resources = [f"../l{layer - 1}"] if layer else []
        fresh = [self.object() for _ in range(self.random.randint(0 if layer else 2, 2 if layer else 6))]
        seen: set[tuple[Any, ...]] = set()
        for obj in fresh:
            identity = (
                obj["apiVersion"],
                obj["kind"],
                obj["metadata"]["name"],
                obj["metadata"].get("namespace") or "default",
            )
            if identity not in seen or self.chance(0.03):
                seen.add(identity)
                self.objects.append(obj)
                file = f"o{len(self.files)}.yaml"
                self.files[f"{folder}/{file}"] = self.document(obj)
                resources.append(file)
        fields["resources"] = resources
        for share, feature in (
            (0.35, self._prefix), (0.2, self._suffix), (0.3, self._namespace), (0.3, self._labels),
            (0.15, self._annotations), (0.3, self._images), (0.04, self._replicas), (0.6, self._patches),
            (0.35, self._generators), (0.25, self._replacements), (0.08, self._metadata), (0.08, self._sort),
        ):  # fmt: skip
            if self.chance(share):
                feature(fields, folder)
        if self.chance(0.15):
            self._component(fields, layer)
        self.files[f"{folder}/kustomization.yaml"] = self.document(fields)

    def _component(self, fields: dict[str, Any], layer: int) -> None:
        folder = f"c{layer}"
        component: dict[str, Any] = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component"}
        for feature in (self._prefix, self._labels, self._patches, self._generators):
            if self.chance(0.5):
                feature(component, folder)
        component.setdefault("nameSuffix", "-c")
        self.files[f"{folder}/kustomization.yaml"] = self.document(component)
        fields["components"] = [f"../{folder}"]

    def _prefix(self, fields: dict[str, Any], folder: str) -> None:
        fields["namePrefix"] = self.pick("p-", "q-")

    def _suffix(self, fields: dict[str, Any], folder: str) -> None:
        fields["nameSuffix"] = self.pick("-s", "-t")

    def _namespace(self, fields: dict[str, Any], folder: str) -> None:
        fields["namespace"] = self.pick("x", "new")

    def _labels(self, fields: dict[str, Any], folder: str) -> None:
        if self.chance(0.4):
            fields["commonLabels"] = self.tags()
            return
        entry: dict[str, Any] = {"pairs": self.tags()}
        entry |= self.pick({}, {"includeSelectors": True}, {"includeTemplates": True})
        if self.chance(0.2):
            entry["fields"] = [
                {"path": "spec/extra", "kind": self.pick("Foo", "Deployment"), "create": self.pick(True, False)}
            ]
        fields["labels"] = [entry]

    def _annotations(self, fields: dict[str, Any], folder: str) -> None:
        fields["commonAnnotations"] = {"note": self.text(), **self.tags()}

    def _images(self, fields: dict[str, Any], folder: str) -> None:
        entry: dict[str, Any] = {"name": self.pick("web", "r.io:5000/web", "r.io/x/proxy", "w.b")}
        entry |= self.pick(
            {"newTag": "v9"}, {"newName": "other"}, {"digest": "sha256:ef"}, {"newName": "n", "newTag": "2.0"}
        )
        fields["images"] = [entry]

    def _replicas(self, fields: dict[str, Any], folder: str) -> None:
        fields["replicas"] = [{"name": self.name(), "count": self.pick(0, 3)}]

    def _metadata(self, fields: dict[str, Any], folder: str) -> None:
        fields["buildMetadata"] = self.pick(["originAnnotations"], ["managedByLabel"], ["transformerAnnotations"])

    def _sort(self, fields: dict[str, Any], folder: str) -> None:
        fields["sortOptions"] = self.pick({"order": "fifo"}, {"order": "legacy"})

    def _generators(self, fields: dict[str, Any], folder: str) -> None:
        file = f"f{len(self.files)}.txt"
        self.files[f"{folder}/{file}"] = self.text()
        entry: dict[str, Any] = {"name": self.name()}
        entry |= self.pick({"literals": [f"k={self.text()}"]}, {"files": [file]}, {"files": [f"k={file}"]}, {})
        if self.chance(0.05):
            entry["behavior"] = self.pick("merge", "replace", "create")
        if self.chance(0.3):
            entry["namespace"] = self.pick("x", "default")
        if self.chance(0.3):
            entry["options"] = self.pick({"disableNameSuffixHash": True}, {"labels": self.tags()}, {"immutable": True})
        if self.chance(0.2):
            fields["generatorOptions"] = self.pick({"disableNameSuffixHash": True}, {"annotations": {"note": "g"}})
        fields[self.pick("configMapGenerator", "secretGenerator")] = [entry]

    def _replacements(self, fields: dict[str, Any], folder: str) -> None:
        if not self.objects:
            return
        source = self.random.choice(self.objects)
        target = self.random.choice(self.objects)
        path = self.pick("metadata.name", "kind") if self.chance(0.85) else self.pick("data.k", "metadata.labels.app")
        goal = self.pick(
            *("metadata.annotations.note", "metadata.labels.app", "metadata.annotations.note"),
            *("spec.containers.*.name", "spec.template.spec.containers.[name=web].image", "data.k", "metadata.name"),
        )
        entry: dict[str, Any] = {"select": self.target(target), "fieldPaths": [goal]}
        options: dict[str, Any] = {}
        if self.chance(0.9):
            options["create"] = True
        if self.chance(0.3):
            options |= {"delimiter": self.pick("-", ":", "/"), "index": self.pick(0, 1, -1)}
        if options:
            entry["options"] = options
        select = {"kind": source["kind"], "name": source["metadata"]["name"], "fieldPath": path}
        fields["replacements"] = [{"source": select, "targets": [entry]}]

    # --- patches

    def target(self, obj: dict[str, Any]) -> dict[str, Any]:
        name = obj["metadata"]["name"]
        target = self.pick(
            *({"kind": obj["kind"]}, {"name": name}, {"kind": obj["kind"], "name": f"{name[0]}.*"}, {"name": ".*"}),
            *(
                {"kind": f"{obj['kind']}|Pod", "name": name},
                {"labelSelector": "app=a"},
                {"version": "v1", "name": name},
            ),
            *({"annotationSelector": "note"}, {"group": "apps"}, {"kind": obj["kind"], "namespace": "x"}),
        )
        return dict(target)

    def exact(self, obj: dict[str, Any]) -> dict[str, Any]:
        """Return a target that mostly selects the object alone."""
        return {"kind": obj["kind"], "name": obj["metadata"]["name"]} if self.chance(0.8) else self.target(obj)

    def _patches(self, fields: dict[str, Any], folder: str) -> None:
        entries = []
        for _ in range(self.random.randint(1, 3)):
            if not self.objects:
                break
            obj = self.random.choice(self.objects)
            if self.chance(0.35):
                entries.append({"target": self.exact(obj), "patch": "\n".join(self.block(self.operations(obj)))})
                continue
            entry: dict[str, Any] = {"patch": self.document(self.merge(obj))}
            if self.chance(0.35):
                entry["target"] = self.target(obj)
            if self.chance(0.15):
                entry["options"] = self.pick({"allowNameChange": True}, {"allowKindChange": True}, {})
            entries.append(entry)
        if self.chance(0.15):
            fields["patchesStrategicMerge"] = [entry["patch"] for entry in entries if "target" not in entry]
            entries = [entry for entry in entries if "target" in entry]
        fields["patches"] = entries

    def operations(self, obj: dict[str, Any]) -> list[dict[str, Any]]:
        kind = self.pick("replace", "remove", "test") if self.chance(0.15) else "add"
        paths = ["/metadata/labels", "/metadata/annotations", "/new", "/spec", "/metadata/name"]
        if self.chance(0.1):
            paths = ["/metadata/annotations/note", "/spec/replicas", "/data/k", "/spec/list/0"]
        elif "template" in obj.get("spec", {}):
            paths += ["/spec/template/spec/containers/0/image", "/spec/template/spec/containers/-", "/spec/replicas"]
        operation = {"op": kind, "path": self.random.choice(paths)}
        if operation["op"] != "remove":
            operation["value"] = self.pick(self.scalar(), self.tags(), self.container(), self.tree(1))
        return [operation]

    def merge(self, obj: dict[str, Any]) -> dict[str, Any]:
        changed = self.varied(obj)
        changed["metadata"] = {**obj["metadata"], **({"labels": self.tags()} if self.chance(0.3) else {})}
        if self.chance(0.3):
            changed["metadata"].pop("annotations", None)
        if self.chance(0.05):
            changed["$patch"] = self.pick("delete", "replace", "merge")
        return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], **changed}

    def varied(self, value: Any) -> Any:
        """Return a part of the value, changed here and there, with a directive now and then."""
        if isinstance(value, dict):
            kept = {key: self.varied(item) for key, item in value.items() if self.chance(0.75) or key == "name"}
            if self.chance(0.05):
                kept["$patch"] = self.pick("delete", "replace", "merge")
            if kept and self.chance(0.08):
                kept[self.random.choice(list(kept))] = None
            return kept
        if isinstance(value, list):
            items = [self.varied(item) for item in value if self.chance(0.7)]
            if self.chance(0.06) and all(isinstance(item, dict) for item in items):
                items.append({"$patch": self.pick("replace", "delete")})
            if self.chance(0.3):
                items.append(self.varied(self.random.choice(value)) if value else "more")
            self.random.shuffle(items)
            return items
        return (
            value
            if self.chance(0.5)
            else self.scalar()
            if not isinstance(value, str)
            else self.pick(value, self.text())
        )
