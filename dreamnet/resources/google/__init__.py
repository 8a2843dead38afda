"""Google's resources, all of them, through Google's own discovery documents."""

from dreamnet.resources.google.driver import GoogleDriver

__all__ = ["GoogleDriver"]
