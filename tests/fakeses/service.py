"""One request from end to end: understood, admitted, logged, made durable, answered - or not, as planned."""

import asyncio
import itertools
import json
import uuid
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

from tests.fakeses import control
from tests.fakeses.account import Account
from tests.fakeses.calls import ROUTES, Call, Entry, check_signature, read_call
from tests.fakeses.content import KEPT_HEADERS, RenderingFailed, of_raw, of_simple, of_template
from tests.fakeses.events import Events
from tests.fakeses.faults import Fault, Plan, Planned
from tests.fakeses.identities import Identities
from tests.fakeses.journal import Journal
from tests.fakeses.protocol import Answer, Connection, Request, error_answer, json_answer
from tests.fakeses.refusals import Refusal
from tests.fakeses.suppression import SuppressionList

__all__ = ["Service"]


class Service:
    """The state of one endpoint. render: keep what a reader would see in the log."""

    def __init__(
        self, account: Account, *, log: Path | None = None, fsync: bool = True, render: bool = True
    ) -> None:
        self.account: Account = account
        self.render = render
        self.journal = Journal(log, fsync=fsync)
        self.plan = Plan()
        self.events: Events = Events()
        self.identities: Identities = Identities()
        self.suppression: SuppressionList = SuppressionList(account.clock)
        self.calls = 0
        self.seen: Counter[str] = Counter()  #: requests by operation
        self.answers: Counter[str] = Counter()  #: by status and code, such as "429 TooManyRequestsException"
        self.entries: Counter[str] = Counter()  #: bulk entries by status
        self.met: Counter[str] = Counter()  #: faults that ended a call, by kind
        self.connections: set[Connection] = set()
        self._message_ids = (f"0107{number:012x}-{_RUN}-000000" for number in itertools.count(1))

    async def serve(self, request: Request, connection: Connection) -> None:
        """Answer one request, or do what is planned instead."""
        if request.path.startswith("/_ctl/"):
            connection.send(control.answer(self, request))
            return
        if (known := self.identities.answer(request)) is not None:
            connection.send(known)
            return
        if self.suppression.is_asked(request):
            self._suppression(request, connection)
            return
        operation = ROUTES.get((request.method, request.path))
        if operation is None:
            self._refuse(connection, Refusal(404, "UnknownOperationException", "No such operation."))
            return
        self.seen[operation] += 1
        try:
            check_signature(request.headers)
            call = None if operation == "GetAccount" else read_call(operation, request.body)
        except Refusal as refusal:
            self._refuse(connection, refusal)
            return
        planned, statuses = self.plan.draw(
            operation, [entry.addresses for entry in call.entries] if call else []
        )
        if state := planned.state():
            self.account.state = state
        if seconds := planned.delay(after=False):
            await asyncio.sleep(seconds)
        if ending := planned.ending(after=False):
            await self._break(connection, *ending, json_answer({}))
            return
        try:
            answer = (
                self._send(call, statuses)
                if call
                else json_answer(self.account.describe() | self.identities.account())
            )
        except Refusal as refusal:
            self._refuse(connection, refusal)
            return
        await self.journal.durable()
        await self._finish(connection, planned, answer)

    def _suppression(self, request: Request, connection: Connection) -> None:
        try:
            check_signature(request.headers)
            operation, content = self.suppression.answer(request)
        except Refusal as refusal:
            self._refuse(connection, refusal)
            return
        self.seen[operation] += 1
        connection.send(json_answer(content))

    def reset(self) -> None:
        """Forget what was sent and planned; the clock, the limits and the queue of events stay."""
        self.journal.clear()
        self.plan = Plan()
        self.events.reset()
        self.suppression.clear()
        self.calls = 0
        for counter in (self.seen, self.answers, self.entries, self.met):
            counter.clear()
        self.account.forget()

    def close(self) -> None:
        """Let go of connections, the log and the queue."""
        for connection in list(self.connections):
            connection.close()
        self.events.close()
        self.journal.close()

    def _send(self, call: Call, statuses: dict[int, str]) -> Answer:
        """Accept what may be accepted, and return the answer that says so.

        Raises Refusal for the whole call.
        """
        verdicts = self.account.admit(call, statuses)
        self.calls += 1
        stamp = self.account.clock.now() / 1e9
        lines: list[dict[str, Any]] = []
        results: list[dict[str, str]] = []
        for entry, verdict in zip(call.entries, verdicts, strict=True):
            if verdict is not None:
                self.entries[verdict.entry_status] += 1
                results.append({"Status": verdict.entry_status, "Error": verdict.message})
                continue
            message_id = next(self._message_ids)
            results.append({"Status": "SUCCESS", "MessageId": message_id})
            lines += self._lines(call, entry, message_id, stamp)
        self.entries["SUCCESS"] += len(results) - sum(verdict is not None for verdict in verdicts)
        self.journal.write(lines)
        if self.events.wanted and call.configuration_set:
            self.events.of_lines(lines, call)
        if call.operation == "SendEmail":
            return json_answer({"MessageId": results[0]["MessageId"]})
        return json_answer({"BulkEmailEntryResults": results})

    def _lines(self, call: Call, entry: Entry, message_id: str, stamp: float) -> list[dict[str, Any]]:
        line: dict[str, Any] = {
            "ts": stamp,
            "call": self.calls,
            "operation": call.operation,
            "address": "",
            "message_id": message_id,
            "tags": entry.tags,
            "headers": {
                name: value
                for name, value in (*call.mailboxes.items(), *entry.headers.items())
                if name in KEPT_HEADERS or name[:2].upper() == "X-"
            },
        }
        if self.render:
            try:
                line["content"] = _content(call, entry)
            except RenderingFailed as failure:
                line["failed"] = str(failure)
        return [{**line, "address": address} for address in entry.addresses]

    async def _finish(self, connection: Connection, planned: Planned, answer: Answer) -> None:
        if seconds := planned.delay(after=True):
            await asyncio.sleep(seconds)
        if ending := planned.ending(after=True):
            await self._break(connection, *ending, answer)
            return
        self.answers["200"] += 1
        connection.send(answer)

    def _refuse(self, connection: Connection, refusal: Refusal) -> None:
        self.answers[f"{refusal.status} {refusal.code}"] += 1
        connection.send(error_answer(refusal.status, refusal.code, refusal.message))

    async def _break(self, connection: Connection, fault: Fault, chance: Random, answer: Answer) -> None:
        """End a call as planned instead of with this answer."""
        self.met[fault.do] += 1
        match fault.do:
            case "error":
                connection.send(error_answer(fault.status or 500, fault.code, fault.message))
            case "html":
                page = b"<html><body><h1>Service unavailable</h1></body></html>"
                connection.send(Answer(fault.status or 200, page, {}, "text/html"))
            case "reset":
                connection.reset()
            case "close":
                connection.close()
            case "hang":
                await asyncio.wait([connection.gone], timeout=fault.ms / 1000 or None)
                connection.close()
            case "truncated":
                connection.send(Answer(answer.status, answer.body[: len(answer.body) // 2]))
            case "short":
                connection.send_half(answer)
            case "drip":
                await connection.drip(answer, fault.seconds(chance))
            case _:  # no_id, count
                connection.send(json_answer(_spoiled(fault, json.loads(answer.body))))


_RUN = uuid.uuid4()  # message ids of two processes on one log never meet


def _content(call: Call, entry: Entry) -> dict[str, str]:
    if call.operation == "SendBulkEmail":
        return of_template(call.content, entry.values)
    return of_raw(call.mime) if call.mime else of_simple(call.content["Simple"])


def _spoiled(fault: Fault, content: dict[str, Any]) -> dict[str, Any]:
    """Return an answer without message ids, or with a wrong number of results."""
    results: list[dict[str, str]] | None = content.get("BulkEmailEntryResults")
    if results is None:
        return {} if fault.do == "no_id" else content
    if fault.do == "no_id":
        results = [{name: value for name, value in one.items() if name != "MessageId"} for one in results]
    elif fault.off_by < 0:
        results = results[: fault.off_by]
    else:
        results = results + [{"Status": "SUCCESS", "MessageId": "nobody"}] * fault.off_by
    return {"BulkEmailEntryResults": results}
