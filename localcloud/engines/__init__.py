"""Real servers as child processes that any process can find, stop, kill and promote.

engines = Engines(State(".rehearsal"))
neon = engines.postgres("neon", region="global", user="dreamnet", password=..., database="dreamnet")
neon.dsn
"""

from localcloud.engines.records import Endpoint, KubernetesEndpoint, PostgresEndpoint
from localcloud.engines.registry import Engines

__all__ = ["Endpoint", "Engines", "KubernetesEndpoint", "PostgresEndpoint"]
