import sys
from pathlib import Path

# The API server in memory is shared with the Kubernetes tests.
sys.path.insert(0, str(Path(__file__).parents[1] / "kubernetes"))
