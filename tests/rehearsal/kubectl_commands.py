"""The kubectl commands of kubectl_commands.txt, parsed, and the manifests that they are fed with."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

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
metadata: {name: reader, namespace: $NS}
rules: [{apiGroups: [""], resources: [pods], verbs: [get, list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: readers, namespace: $NS}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: default, namespace: $NS}]
"""

#: A value that nothing else on the cluster has: what `apply --prune -l` may delete.
SET = "$ID"


def settings(name: str, set: str = "", **data: str) -> str:
    """A ConfigMap."""
    labels = f"\n  labels: {{set: {set}}}" if set else ""
    lines = "".join(f"\n  {key}: '{value}'" for key, value in data.items())
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}{labels}\ndata:{lines or ' {}'}\n"


def dream(called: str, **spec: object) -> str:
    """A custom object of the group `custom`."""
    lines = "".join(f"\n  {key}: {value}" for key, value in spec.items())
    return f"apiVersion: $ID.example.com/v1\nkind: Dream\nmetadata:\n  name: {called}\nspec:{lines}\n"


def certificate_request() -> str:
    """A PKCS#10 request of a new key, in PEM and base64."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "dreams")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return base64.b64encode(request.public_bytes(serialization.Encoding.PEM)).decode()


GENERATED = """
apiVersion: v1
kind: ConfigMap
metadata: {generateName: made-}
"""

CONTROLLER = """
apiVersion: v1
kind: ReplicationController
metadata: {name: old}
spec:
  replicas: 1
  template:
    metadata: {labels: {app: old}}
    spec: {containers: [{name: main, image: "nginx:1"}]}
"""

#: Of a signer that nobody runs, so that no cluster signs it.
REQUEST = f"""
apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: {{name: $ID}}
spec:
  request: {certificate_request()}
  signerName: example.com/dreams
  usages: [client auth]
"""

MANIFESTS = {
    "web": WEB,
    "drained": WEB.replace("app: web", "app: drained"),
    "web3": WEB.replace("replicas: 2", "replicas: 3"),
    "web-broken": WEB.replace("image: nginx:1", "image: nginx:1\n        imagee: x"),
    "web-two": WEB.replace("image: nginx:1", "image: nginx:1.29"),
    "settings": settings("settings", a="1", b="2"),
    "settings2": settings("settings", a="9", b="2"),
    "kept": "---\n".join(settings(name, set=SET) for name in ("kept", "gone")),
    "kept-only": settings("kept", set=SET),
    "generated": GENERATED,
    "request": REQUEST,
    "request-client": REQUEST.replace("example.com/dreams", "kubernetes.io/kube-apiserver-client"),
    "controller": CONTROLLER,
    "drained-one": WEB.replace("app: web", "app: one").replace("replicas: 2", "replicas: 1"),
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
    spec: {containers: [{name: main, image: "nginx:1.28"}]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: main, image: "nginx:1.28"}]}
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
    + ROLES,
    "roles": ROLES,
    "crd": """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: dreams.$ID.example.com}
spec:
  group: $ID.example.com
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
    "dream": dream("one", size=2),
    "dream-large": dream("x", size=20),
    "dream-mood": dream("x", size=2, mood="sad"),
    "dream-name": dream("x", size=2, name="A1"),
    "dream-extra": dream("x", size=2, sise=3),
}

#: What commands read from the folder $TMP.
FILES = {
    "columns": "NAME          IMAGE\n.metadata.name .spec.template.spec.containers[0].image\n",
    "template": "{{range .items}}{{.metadata.name}}={{len .spec.template.spec.containers}} {{end}}",
    "settings.env": "a=1\nb=2\n",
    "kustom/kustomization.yaml": """
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namePrefix: kustom-
resources: [web.yaml]
images: [{name: nginx, newTag: "1.29"}]
configMapGenerator:
- name: settings
  literals: [a=1]
""",
    "kustom/web.yaml": WEB,
}


@dataclass(frozen=True)
class Command:
    """One line of a group: arguments as a shell reads them, what comes out, what goes in, what it needs."""

    line: str
    expected: str
    fails: bool
    manifest: str
    needs: tuple[str, ...]

    def filled(self, values: Mapping[str, str]) -> Command:
        """The same with $NS, $ID and the like replaced."""

        def fill(text: str) -> str:
            return re.sub(r"\$([A-Z]+)\b", lambda found: values[found[1]], text)

        return replace(self, line=fill(self.line), expected=fill(self.expected), manifest=fill(self.manifest))

    def holds(self, output: str, code: int) -> bool:
        """Whether the command ended as it should and said what it should."""
        return bool(code) == self.fails and re.search(self.expected, output, re.MULTILINE) is not None


def commands() -> dict[str, list[Command]]:
    """Every group's lines."""
    groups: dict[str, list[Command]] = {}
    group_needs = ""
    for text in Path(__file__).with_suffix(".txt").read_text().splitlines():
        if text.startswith("["):
            name, _, group_needs = text.partition(" ")
            lines = groups[name.strip("[]")] = []
        elif text and not text.startswith("#"):
            marks = re.match(r"(?:@\S+ )*", text)[0]
            needs = re.findall(r"@(\S+)", f"{group_needs} {marks}")
            line, _, expected = text.removeprefix(marks).partition(" ==> ")
            line, _, manifest = line.partition(" < ")
            fails = expected.startswith("!")
            given = MANIFESTS[manifest] if manifest else ""
            lines.append(Command(line, expected.removeprefix("!"), fails, given, tuple(needs)))
    return groups
