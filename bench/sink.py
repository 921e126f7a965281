"""An endpoint that speaks as much of Amazon SES v2 as a send needs, and costs next to nothing.

    python -m bench.sink --rate 100000 [--latency 0.08]     prints its address, serves until its input ends

It takes every letter and gives each a message id of its own. ``tests/fakeses`` checks what it is given, which
costs as much as sending it.
"""

import argparse
import asyncio
import json
import sys

_HEAD_END = b"\r\n\r\n"


class Sink(asyncio.Protocol):
    """One connection, kept alive."""

    numbers = 0  #: letters taken, by all connections

    def __init__(self, rate: float, latency: float) -> None:
        self._rate, self._latency = rate, latency
        self._buffer = bytearray()
        self._wanted = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer as soon as a request is whole; boto3 never sends two at once."""
        self._buffer += data
        if len(self._buffer) < self._wanted:
            return
        end = self._buffer.find(_HEAD_END)
        if end < 0:
            return
        head = bytes(self._buffer[:end])
        length = 0
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        self._wanted = end + len(_HEAD_END) + length
        if len(self._buffer) < self._wanted:
            return
        answer = self._answer(head.split(b" ", 2)[1], self._buffer)
        self._buffer.clear()
        self._wanted = 0
        body = json.dumps(answer, separators=(",", ":")).encode()
        whole = (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        ) + body
        if self._latency:
            asyncio.get_running_loop().call_later(self._latency, self._transport.write, whole)
        else:
            self._transport.write(whole)

    def _answer(self, path: bytes, request: bytearray) -> dict[str, object]:
        if path == b"/v2/email/account":
            quota = {"Max24HourSend": -1.0, "MaxSendRate": self._rate, "SentLast24Hours": 0.0}
            fine = {"SendingEnabled": True, "ProductionAccessEnabled": True, "EnforcementStatus": "HEALTHY"}
            return {"SendQuota": quota, **fine}
        if path.startswith(b"/v2/email/identities/"):
            return {"VerifiedForSendingStatus": True, "VerificationStatus": "SUCCESS"}
        if path == b"/v2/email/outbound-emails":
            return {"MessageId": self._id()}
        entries = request.count(b'"ReplacementEmailContent"') or request.count(b'"Destination"')
        return {
            "BulkEmailEntryResults": [{"Status": "SUCCESS", "MessageId": self._id()} for _ in range(entries)]
        }

    def _id(self) -> str:
        Sink.numbers += 1
        return f"0100019ab3c1f0de-{Sink.numbers:08x}-7a52-4c1e-9d1f-2b8e5c0a6f34-000000"


async def serve(rate: float, latency: float) -> None:
    """Serve on a free loopback port until the standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Sink(rate, latency), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    async with server:
        await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    """Read the options and serve."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--rate", type=float, default=100_000, help="MaxSendRate that GetAccount names")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before an answer")
    options = parser.parse_args()
    asyncio.run(serve(options.rate, options.latency))


if __name__ == "__main__":
    main()
