"""A name server on the loopback address that answers from a dictionary: real DNS over UDP."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

__all__ = ["NameServer", "running"]


@dataclass
class NameServer:
    """records: values by (name, type), such as ("example.org", "TXT"). silent: answers nothing."""

    address: str = ""  #: "127.0.0.1:PORT"
    records: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    silent: bool = False
    asked: list[str] = field(default_factory=list)

    def answer(self, query: bytes) -> bytes:
        """Return the answer to one question."""
        message = dns.message.from_wire(query)
        question = message.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append(f"{name} {kind}")
        response = dns.message.make_response(message)
        response.flags |= dns.flags.RA
        values = self.records.get((name, kind))
        if values:
            response.answer.append(dns.rrset.from_text_list(question.name, 60, "IN", kind, values))
        elif not any(known == name or known.endswith(f".{name}") for known, _ in self.records):
            response.set_rcode(dns.rcode.NXDOMAIN)
        return response.to_wire()


@contextmanager
def running() -> Iterator[NameServer]:
    """Serve until the end of the block."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.bind(("127.0.0.1", 0))
        wire.settimeout(0.05)
        server = NameServer(address=f"127.0.0.1:{wire.getsockname()[1]}")
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                try:
                    query, sender = wire.recvfrom(4096)
                except TimeoutError:
                    continue
                if not server.silent:
                    wire.sendto(server.answer(query), sender)

        thread = threading.Thread(target=serve, name="nameserver")
        thread.start()
        try:
            yield server
        finally:
            over.set()
            thread.join()
