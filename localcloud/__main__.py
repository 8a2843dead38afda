"""The local cloud by hand.

python -m localcloud up [--only postgres,google,...] [--port PART=PORT] [--state DIR]
python -m localcloud status [--state DIR]
python -m localcloud down [--wipe] [--state DIR]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from dreamnet.errors import GameplanError
from localcloud.state import DEFAULT_DIRECTORY, State


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code (1: something the operator can put right)."""
    options = _parser().parse_args(arguments)
    try:
        if options.command != "up" and not Path(options.state).exists():
            print(f"Nothing runs: {options.state} does not exist.")
            return 0
        state = State(options.state)
        return int(options.run(state, options))
    except GameplanError as error:
        print(f"localcloud: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m localcloud", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, run, help_text in (
        ("up", _up, "start what is missing, and wait until it serves"),
        ("status", _status, "a table of what there is"),
        ("down", _down, "stop everything; the data stays"),
    ):
        command = commands.add_parser(name, help=help_text)
        command.set_defaults(run=run)
        command.add_argument("--state", default=DEFAULT_DIRECTORY, help="the state directory")
        if name == "up":
            command.add_argument("--only", type=_names, help="parts, separated by commas")
            command.add_argument("--port", type=_port, action="append", default=[], metavar="PART=PORT")
        if name == "down":
            command.add_argument("--wipe", action="store_true", help="delete the data too")
    return parser


def _up(state: State, options: argparse.Namespace) -> int:
    from localcloud import supervisor

    began = time.monotonic()
    started = supervisor.up(state, options.only, dict(options.port), _say)
    new = [part.name for part in started if not part.found]
    said = f"{len(new)} parts started" if new else "everything runs already, nothing was started"
    print(f"{said} ({time.monotonic() - began:.1f} s). Endpoints: {state.dir / 'endpoints.json'}")
    return 0


def _status(state: State, options: argparse.Namespace) -> int:
    from localcloud.status import table

    print(table(state))
    return 0


def _down(state: State, options: argparse.Namespace) -> int:
    from localcloud import supervisor

    count = supervisor.down(state, wipe=options.wipe, say=_say)
    kept = "The data is deleted." if options.wipe else "The data stays; `down --wipe` deletes it."
    print(f"{count} servers stopped. {kept}" if count else f"Nothing ran. {kept}")
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _port(text: str) -> tuple[str, int]:
    part, _, port = text.partition("=")
    if not part or not port.isdigit() or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is not PART=PORT, such as aws=5000")
    return part, int(port)


if __name__ == "__main__":
    sys.exit(main())
