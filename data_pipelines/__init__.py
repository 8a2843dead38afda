"""One file a pipeline: what is copied where, when, and which rules the copy must obey."""
