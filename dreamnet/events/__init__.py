"""Functions that run on events: their packages, the events, and the proof that one was processed."""

from dreamnet.events.dreams import (
    dream_event,
    send_dream_event_aws,
    send_dream_event_google,
    wait_processed_aws,
    wait_processed_google,
)
from dreamnet.events.packaging import package_function, upload_aws, upload_google

__all__ = [
    "dream_event",
    "package_function",
    "send_dream_event_aws",
    "send_dream_event_google",
    "upload_aws",
    "upload_google",
    "wait_processed_aws",
    "wait_processed_google",
]
