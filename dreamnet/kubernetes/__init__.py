"""Clusters: connect, render and apply manifests, roll out, scale, and prove that it scales by itself."""
