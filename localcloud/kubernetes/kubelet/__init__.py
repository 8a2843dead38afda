"""What runs Pods: a short simulated start for most, a real process for DreamNet's backend."""
