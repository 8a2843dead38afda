"""Google's control planes locally: one server on Google's discovery documents, with hooks for engines."""
