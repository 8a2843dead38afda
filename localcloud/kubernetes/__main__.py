"""``python -m localcloud.kubernetes``: serve one cluster until SIGTERM."""

from __future__ import annotations

from localcloud.kubernetes.config import parse_options


def main() -> None:
    """Parse the command line, then serve."""
    options = parse_options()
    # Imported late: --help and a wrong option answer at once.
    from localcloud.kubernetes.server import serve

    serve(options)


if __name__ == "__main__":
    main()
