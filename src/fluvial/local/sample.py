"""The sample fleet of the demo: what a newcomer might have in a repository, and how it changes."""

from typing import Final

NAMESPACE: Final = "demo"

KUSTOMIZATION: Final = """apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: demo
resources:
- namespace.yaml
- web.yaml
- service.yaml
- old-settings.yaml
configMapGenerator:
- name: settings
  literals:
  - colour=blue
  - greeting=Hello
"""

WEB: Final = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
      - name: web
        image: ghcr.io/stefanprodan/podinfo:6.9.0
        ports:
        - containerPort: 9898
        envFrom:
        - configMapRef:
            name: settings
"""

SERVICE: Final = """apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector:
    app: web
  ports:
  - name: http
    port: 80
    targetPort: 9898
"""

OLD: Final = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: old-settings\ndata:\n  colour: grey\n"

FIRST: Final[dict[str, str]] = {
    "apps/kustomization.yaml": KUSTOMIZATION,
    "apps/namespace.yaml": "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: demo\n",
    "apps/web.yaml": WEB,
    "apps/service.yaml": SERVICE,
    "apps/old-settings.yaml": OLD,
}

# One object changed, one removed.
SECOND: Final[dict[str, str | None]] = {
    "apps/web.yaml": WEB.replace("replicas: 2", "replicas: 3"),
    "apps/kustomization.yaml": KUSTOMIZATION.replace("- old-settings.yaml\n", ""),
    "apps/old-settings.yaml": None,
}

# A list item whose indentation is lost, as it happens to everybody.
BROKEN: Final[dict[str, str | None]] = {
    "apps/service.yaml": SERVICE.replace("  - name: http\n    port: 80", "  - name: http\n   port: 80"),
}
