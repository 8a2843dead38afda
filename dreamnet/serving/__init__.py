"""DreamNet's application on the clusters: where it runs, which database it reads, how it is loaded."""
