"""An SQS endpoint that is as fast as the real one: moto's takes longer the more messages wait.

For measuring only. It speaks SQS's JSON protocol: ReceiveMessage and DeleteMessageBatch, each answer late by
the time that a network takes.
"""

import hashlib
import json
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.queues import Queue

__all__ = ["FastQueue", "fast_queue"]


class FastQueue(ThreadingHTTPServer):
    """waiting: bodies; held: received and not deleted, by receipt. latency: seconds. most_at_once: calls."""

    daemon_threads = True

    def __init__(self, bodies: Sequence[str], latency: float) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.waiting, self.held = deque(bodies), dict[str, str]()
        self.latency, self.lock = latency, threading.Lock()
        self.at_once = self.most_at_once = self.received = 0

    def answer(self, operation: str, asked: Any) -> Any:
        """Return what SQS answers."""
        with self.lock:
            if operation == "DeleteMessageBatch":
                for entry in asked["Entries"]:
                    del self.held[entry["ReceiptHandle"]]
                return {"Successful": [{"Id": entry["Id"]} for entry in asked["Entries"]], "Failed": []}
            messages: list[dict[str, Any]] = []
            while self.waiting and len(messages) < asked["MaxNumberOfMessages"]:
                self.received += 1
                body, receipt = self.waiting.popleft(), f"r-{self.received}"
                self.held[receipt] = body
                messages.append(
                    {
                        "MessageId": receipt,
                        "ReceiptHandle": receipt,
                        "Body": body,
                        "MD5OfBody": hashlib.md5(body.encode()).hexdigest(),
                        "Attributes": {"ApproximateReceiveCount": "1"},
                    }
                )
            return {"Messages": messages} if messages else {}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FastQueue
    wbufsize = -1  # one packet an answer

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        operation = self.headers["X-Amz-Target"].partition(".")[2]
        with self.server.lock:
            self.server.at_once += 1
            self.server.most_at_once = max(self.server.most_at_once, self.server.at_once)
        data = json.dumps(self.server.answer(operation, asked)).encode()
        time.sleep(self.server.latency)
        with self.server.lock:
            self.server.at_once -= 1
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def fast_queue(bodies: Sequence[str], *, latency: float) -> Iterator[tuple[FastQueue, Queue]]:
    """Serve a queue with these messages in it."""
    server = FastQueue(bodies, latency)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.05), name="fast-sqs")
    thread.start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    try:
        yield server, Queue(None, f"{endpoint}/123456789012/events", endpoint)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
