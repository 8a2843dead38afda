"""The kubectl commands of kubectl_commands.txt, parsed, and the manifests that they are fed with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web, tier: front}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: main
        image: nginx:1
        ports: [{containerPort: 80, name: http}]
        env: [{name: LEVEL, value: info}]
        resources: {requests: {cpu: 10m, memory: 16Mi}, limits: {memory: 32Mi}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
"""

PDB = """
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 2, selector: {matchLabels: {app: web}}}
"""

ROLES = """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: NAMESPACE}
rules: [{apiGroups: [""], resources: [pods], verbs: [get, list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: readers, namespace: NAMESPACE}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: default, namespace: NAMESPACE}]
"""

MANIFESTS = {
    "web": WEB,
    "drained": WEB.replace("app: web", "app: drained"),
    "web3": WEB.replace("replicas: 2", "replicas: 3"),
    "web-broken": WEB.replace("image: nginx:1", "image: nginx:1\n        imagee: x"),
    "web-two": WEB.replace("image: nginx:1", "image: nginx:2"),
    "settings": "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {a: '1', b: '2'}}",
    "settings2": "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {a: '9', b: '2'}}",
    "pdb": PDB,
    "drained-pdb": PDB.replace("app: web", "app: drained"),
    "sets": """
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  replicas: 2
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: main, image: "postgres:17"}]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: main, image: "agent:1"}]}
""",
    "kinds": """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: disk}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: site}
spec:
  defaultBackend: {service: {name: web, port: {number: 80}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: quiet}
spec: {podSelector: {}, policyTypes: [Ingress]}
---
apiVersion: v1
kind: LimitRange
metadata: {name: usual}
spec: {limits: [{type: Container, default: {memory: 64Mi}}]}
---
"""
    + ROLES.replace("NAMESPACE", "describe"),
    "roles": ROLES.replace("NAMESPACE", "explain"),
    "crd": """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: dreams.kubectl.example.com}
spec:
  group: kubectl.example.com
  scope: Namespaced
  names: {plural: dreams, singular: dream, kind: Dream, shortNames: [dr]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}, scale: {specReplicasPath: .spec.size, statusReplicasPath: .status.size}}
    additionalPrinterColumns:
    - {name: Size, type: integer, jsonPath: .spec.size}
    schema:
      openAPIV3Schema:
        type: object
        description: What is dreamt of.
        properties:
          spec:
            type: object
            required: [size]
            properties:
              size: {type: integer, minimum: 1, maximum: 9, description: How large it is.}
              mood: {type: string, default: calm, enum: [calm, wild]}
              name: {type: string, pattern: "^[a-z]+$", maxLength: 8}
          status:
            type: object
            properties: {size: {type: integer}}
""",
    "dream": "{apiVersion: kubectl.example.com/v1, kind: Dream, metadata: {name: one}, spec: {size: 2}}",
    "dream-large": "{apiVersion: kubectl.example.com/v1, kind: Dream, metadata: {name: x}, spec: {size: 20}}",
    "dream-mood": (
        "{apiVersion: kubectl.example.com/v1, kind: Dream, metadata: {name: x}, spec: {size: 2, mood: sad}}"
    ),
    "dream-name": (
        "{apiVersion: kubectl.example.com/v1, kind: Dream, metadata: {name: x}, spec: {size: 2, name: A1}}"
    ),
    "dream-extra": (
        "{apiVersion: kubectl.example.com/v1, kind: Dream, metadata: {name: x}, spec: {size: 2, sise: 3}}"
    ),
}


@dataclass(frozen=True)
class Command:
    """One line of a group: arguments as a shell reads them, what comes out, what goes in."""

    line: str
    expected: str
    fails: bool
    manifest: str

    def holds(self, output: str, code: int) -> bool:
        """Whether the command ended as it should and said what it should."""
        return bool(code) == self.fails and re.search(self.expected, output, re.MULTILINE) is not None


def commands() -> dict[str, list[Command]]:
    """Every group's lines."""
    groups: dict[str, list[Command]] = {}
    for text in Path(__file__).with_suffix(".txt").read_text().splitlines():
        if text.startswith("["):
            lines = groups[text.strip("[]")] = []
        elif text and not text.startswith("#"):
            line, _, expected = text.partition(" ==> ")
            line, _, manifest = line.partition(" < ")
            fails = expected.startswith("!")
            given = MANIFESTS[manifest] if manifest else ""
            lines.append(Command(line, expected.removeprefix("!"), fails, given))
    return groups
