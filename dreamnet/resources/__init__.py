"""Cloud resources from files: catalogue, read, diff, plan, apply; one driver a vendor. Live state is the state."""
