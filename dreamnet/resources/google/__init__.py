"""Google's resources, all of them, through Google's own discovery documents."""
