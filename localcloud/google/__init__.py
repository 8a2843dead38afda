"""Google's control planes locally: one server on Google's discovery documents, with hooks for engines."""

import os

# The server starts engines as child processes while its Pub/Sub threads are inside gRPC, whose fork handlers
# then abort the child before its exec (grpc/grpc, doc/fork_support.md). Read once, when grpc is imported.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
