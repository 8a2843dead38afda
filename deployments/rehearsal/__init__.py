"""The rehearsal as one command: blocks from the local cloud's endpoints, deployments, one run, the report."""
