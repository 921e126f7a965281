"""/_ctl/...: what a test sees and changes while the endpoint runs. GET shows, POST takes one JSON object.

GET  accepted    the log, one JSON object a line        POST plan    {"seed": 7, "faults": [{"do": …}]}
GET  counts      requests, answers, faults, events      POST clock   {"advance": 5} or {"freeze": true}
GET  peak_rate   most recipients in one second          POST rate    {"per_second": 14}
GET  per_second  [[second, recipients], …]              POST quota   {"per_day": 200, "sent": 150}
GET  plan        faults and how often each was used     POST pause   {"state": "paused"}, suspended, active
GET  clock       now, in seconds since 1970             POST events  an EventPlan; POST events/release
GET  events      made, sent, failed, waiting            POST identities  see ``identities.Identities.change``
GET  identities  identities, sets, destinations …       POST suppressed  {"put": {address: "BOUNCE"},
GET  suppressed  reasons, by address                        "age": 0, "deny": [operation], "page_size": 9}
                                                        POST reset
"""

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, get_args

from tests.fakeses.account import State
from tests.fakeses.events import EventPlan
from tests.fakeses.faults import Fault, Plan
from tests.fakeses.protocol import Answer, Request, error_answer, json_answer

if TYPE_CHECKING:
    from tests.fakeses.service import Service

__all__ = ["answer"]


def answer(service: "Service", request: Request) -> Answer:
    """Return the answer to a request for control; an error if it makes no sense."""
    name = request.path.removeprefix("/_ctl/")
    if request.method == "GET" and name == "accepted":
        if service.journal.path is None:
            return error_answer(404, "NoLog", "This endpoint keeps no log.")
        return Answer(200, service.journal.path.read_bytes(), {}, "application/x-ndjson")
    handler = (_SHOWN if request.method == "GET" else _CHANGED).get(name)
    if handler is None:
        return error_answer(404, "NoSuchControl", f"There is no {request.method} {name}.")
    try:
        return json_answer(handler(service, json.loads(request.body or b"{}")))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        return error_answer(400, "BadControl", f"{type(error).__name__}: {error}")


def _counts(service: "Service", _: Mapping[str, Any]) -> Any:
    return {
        "accepted": service.account.accepted,
        "requests": service.seen,
        "answers": service.answers,
        "entries": service.entries,
        "faults": service.met,
        "connections": len(service.connections),
        "events": service.events.counts(),
    }


def _shown_plan(service: "Service", _: Mapping[str, Any]) -> Any:
    plan = service.plan
    rules = zip(plan.faults, plan.used, strict=True)
    return {"seed": plan.seed, "faults": [{**fault.to_json(), "used": used} for fault, used in rules]}


def _clock(service: "Service", _: Mapping[str, Any]) -> Any:
    clock = service.account.clock
    return {"now": clock.now() / 1e9, "frozen": clock.frozen}


def _set_plan(service: "Service", asked: Mapping[str, Any]) -> Any:
    faults = [Fault.from_json(fault) for fault in asked["faults"]]
    service.plan = Plan(faults, int(asked.get("seed", 0)))
    return _shown_plan(service, asked)


def _set_clock(service: "Service", asked: Mapping[str, Any]) -> Any:
    if "freeze" in asked:
        service.account.clock.freeze(bool(asked["freeze"]))
    service.account.clock.advance(float(asked.get("advance", 0)))
    return _clock(service, asked)


def _set_rate(service: "Service", asked: Mapping[str, Any]) -> Any:
    rate = float(asked["per_second"])
    if rate <= 0:
        raise ValueError("A rate is above 0.")
    service.account.change_rate(rate)
    return service.account.describe()


def _set_quota(service: "Service", asked: Mapping[str, Any]) -> Any:
    service.account.quota = float(asked.get("per_day", service.account.quota))
    service.account.sent_before = int(asked.get("sent", service.account.sent_before))
    return service.account.describe()


def _set_state(service: "Service", asked: Mapping[str, Any]) -> Any:
    state = asked.get("state", "paused")
    if state not in get_args(State):
        raise ValueError(f"An account is one of {', '.join(get_args(State))}.")
    service.account.state = state
    return service.account.describe()


def _set_events(service: "Service", asked: Mapping[str, Any]) -> Any:
    service.events.use(EventPlan.from_json(asked))
    return service.events.counts()


def _release(service: "Service", _: Mapping[str, Any]) -> Any:
    service.events.release()
    return service.events.counts()


def _set_suppressed(service: "Service", asked: Mapping[str, Any]) -> Any:
    suppression = service.suppression
    for address, reason in asked.get("put", {}).items():
        suppression.put(address, reason, age=float(asked.get("age", 0)))
    suppression.denied = set(asked.get("deny", suppression.denied))
    suppression.page_size = int(asked.get("page_size", suppression.page_size))
    return suppression.shown()


def _reset(service: "Service", _: Mapping[str, Any]) -> Any:
    service.reset()
    return {}


_Handler = Callable[["Service", Mapping[str, Any]], Any]

_SHOWN: Mapping[str, _Handler] = {
    "counts": _counts,
    "plan": _shown_plan,
    "clock": _clock,
    "peak_rate": lambda service, _: {"peak": service.account.peak},
    "per_second": lambda service, _: list(service.account.seconds),
    "events": lambda service, _: service.events.counts(),
    "identities": lambda service, _: service.identities.describe(),
    "suppressed": lambda service, _: service.suppression.shown(),
}

_CHANGED: Mapping[str, _Handler] = {
    "plan": _set_plan,
    "clock": _set_clock,
    "rate": _set_rate,
    "quota": _set_quota,
    "pause": _set_state,
    "events": _set_events,
    "events/release": _release,
    "identities": lambda service, asked: service.identities.change(asked),
    "suppressed": _set_suppressed,
    "reset": _reset,
}
