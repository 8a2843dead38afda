"""A network that breaks on request: a TCP proxy in front of a PostgreSQL server.

network = BrokenNetwork("127.0.0.1", 5432)
client.connect("127.0.0.1", network.port)
network.stall()

Like Neon's proxy it tells clients another process number than the server's own.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress

from localcloud.ports import free_port

_BLOCK = 65536
#: A socket closed with this option answers with RST instead of waiting for what is under way.
_AT_ONCE = struct.pack("ii", 1, 0)
#: How the message BackendKeyData begins; the process number follows.
_KEY_DATA = b"K" + struct.pack("!i", 12)


class BrokenNetwork:
    """Passes bytes between clients and one server until it is told otherwise. Safe to use from any thread.

    Attributes:
        port: where it listens, on 127.0.0.1.
    """

    def __init__(self, host: str, port: int) -> None:
        self.port = free_port()
        self._server = (host, port)
        self._pairs: set[_Pair] = set()
        self._silent: list[asyncio.StreamWriter] = []
        self._knocking: set[asyncio.StreamWriter] = set()
        self._bytes_left: int | None = None
        self._loop = asyncio.new_event_loop()
        self._passing = asyncio.Event()
        self._listener: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._call(self._begin)

    # ---- faults

    def reset(self) -> None:
        """All connections end at once (RST); new ones pass."""
        self._call(self._reset)

    def refuse(self) -> None:
        """As `reset`, and nobody listens any more until `mend`."""
        self._call(self._stop_listening)
        self._call(self._reset)

    def stall(self) -> None:
        """Nothing passes until `mend`, and nobody is told: connections stay open, new ones are accepted."""
        self._call(self._passing.clear)

    def vanish(self) -> None:
        """The server sees every connection reset; its clients hear nothing of it, and never a byte again."""
        self._call(self._vanish)

    def cut(self, size: int) -> None:
        """After so many more bytes, a message is passed half and its connection reset."""

        def arm() -> None:
            self._bytes_left = size

        self._call(arm)

    def mend(self) -> None:
        """Everything passes again."""
        self._call(self._begin)

    def close(self) -> None:
        """End all connections and the proxy."""
        self.refuse()
        self._call(self._forget_silent)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # ---- in the loop's thread

    def _call(self, do: Callable[[], object]) -> None:
        """Do it in the loop's thread, and wait for it."""

        async def now() -> None:
            result = do()
            if asyncio.iscoroutine(result):
                await result

        asyncio.run_coroutine_threadsafe(now(), self._loop).result(10)

    async def _begin(self) -> None:
        self._bytes_left = None
        self._passing.set()
        if self._listener is None:
            self._listener = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    def _stop_listening(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _reset(self) -> None:
        for pair in list(self._pairs):
            pair.reset()

    def _vanish(self) -> None:
        for pair in list(self._pairs):
            self._silent.append(pair.client)
            pair.vanish()
        self._silent += self._knocking
        self._knocking.clear()

    def _forget_silent(self) -> None:
        for client in self._silent:
            _abort(client)
        self._silent.clear()

    async def _accept(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        self._knocking.add(client)
        await self._passing.wait()
        if client not in self._knocking:
            return  # it has vanished meanwhile
        self._knocking.discard(client)
        try:
            answers, server = await asyncio.open_connection(*self._server)
        except OSError:
            _abort(client)
            return
        pair = _Pair(client, server)
        self._pairs.add(pair)
        try:
            await pair.carry(self._pump(reader, server, pair), self._pump(answers, client, pair))
        finally:
            self._pairs.discard(pair)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pair: _Pair) -> None:
        with suppress(OSError):  # either side may leave in the middle of anything
            while block := await reader.read(_BLOCK):
                await self._passing.wait()
                if writer is pair.client and not pair.numbered:
                    block = pair.number(block)
                if self._bytes_left is not None and len(block) > self._bytes_left:
                    block, self._bytes_left = block[: self._bytes_left], None
                    writer.write(block)
                    await asyncio.sleep(0)  # it leaves before the reset does
                    pair.reset()
                    return
                if self._bytes_left is not None:
                    self._bytes_left -= len(block)
                writer.write(block)
                await writer.drain()


class _Pair:
    """A client's connection and ours to the server."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client, self.server = client, server
        self._pumps: list[asyncio.Task[None]] = []
        self._vanished = False
        self.numbered = False
        """Whether the process number has been passed."""

    def number(self, block: bytes) -> bytes:
        """The block with an invented process number, if it has one."""
        head, key, rest = block.partition(_KEY_DATA)
        self.numbered = bool(key)
        return head + key + struct.pack("!i", random.getrandbits(30)) + rest[4:] if key else block

    async def carry(self, *pumps: object) -> None:
        """Until either side has ended its connection: then the other is ended too."""
        self._pumps = [asyncio.ensure_future(pump) for pump in pumps]  # type: ignore[call-overload]
        await asyncio.wait(self._pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in self._pumps:
            pump.cancel()
        self.server.close()
        if not self._vanished:
            self.client.close()

    def reset(self) -> None:
        """End both at once."""
        _abort(self.client)
        _abort(self.server)

    def vanish(self) -> None:
        """Reset the server's side and leave the client's as it is."""
        self._vanished = True
        for pump in self._pumps:
            pump.cancel()
        _abort(self.server)


def _abort(writer: asyncio.StreamWriter) -> None:
    wire = writer.get_extra_info("socket")
    with suppress(OSError):
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    writer.transport.abort()
