import os
import sys
from pathlib import Path

# Half a second a test for 1,300 machine images that nobody here starts.
os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")

# The API server in memory is shared with the Kubernetes tests.
sys.path.insert(0, str(Path(__file__).parents[1] / "kubernetes"))
