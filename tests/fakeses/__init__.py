"""fakeses: an Amazon SES that enforces what the real one does, breaks when it is told to, and keeps a proof.

    python -m tests.fakeses --port 0 --log DIR/accepted.log --rate 14     an endpoint of its own
    with FakeSes.start(tmp_path, rate=14, faults=[Fault("reset", after=True, requests=(3,))]) as ses: ...

What no emulator has: the sending rate as a bucket with debt, the rolling daily quota, faults before and after
a mail was accepted, and a log of accepted recipients that is on disk before the answer leaves. The
specification is "Own stand-in fakeses" in the research note on SES.

    protocol   HTTP/1.1 on asyncio, and the ways to break it      account   rate, quota, sandbox, paused
    calls      what a request asks for, checked as SES checks     faults    what goes wrong, seeded
    content    templates and raw messages as a reader sees them   journal   the accepted log
    events     what SES says later, through SNS into SQS          service   one request from end to end
    control    /_ctl/...                                          client    FakeSes, for tests
    suppression  the account's suppression list

Standard library only, but for boto3 where events go to a queue.
"""

from tests.fakeses.client import Accepted, FakeSes
from tests.fakeses.events import EventPlan
from tests.fakeses.faults import Fault

__all__ = ["Accepted", "EventPlan", "FakeSes", "Fault"]
