"""Google's control planes locally: one server on Google's own discovery documents, with hooks for real engines."""
