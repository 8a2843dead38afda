"""What becomes of the block where a database cannot be made to flush. See also the rehearsal of it."""

from __future__ import annotations

import socket

from dreamnet.postgres import flushing
from dreamnet.postgres.database import Database


def test_out_of_reach_is_told_and_the_block_goes_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    told: list[str] = []
    done = []
    with flushing.often([Database("127.0.0.1", "dreamnet", "owner", "pw", port)], "here", told.append):
        done.append("copied")
    assert done == ["copied"]
    assert len(told) == 1
    assert told[0].startswith("the copy goes on, only slower: ")
    assert str(port) in told[0]
    assert "pw" not in told[0]
