"""As a sink of benchmarks the endpoint must not be what is measured."""

import http.client
import json
import time

import psutil
import pytest

from tests.fakeses.calling import SIGNED, bulk_call, entry
from tests.fakeses.client import FakeSes


@pytest.mark.slow
def test_it_takes_fifteen_thousand_mails_for_each_second_of_cpu() -> None:
    tags = [{"Name": name, "Value": "0123456789"} for name in ("campaign", "delivery", "attempt")]
    leave = [{"Name": "List-Unsubscribe", "Value": f"<https://example.org/u/{'x' * 120}>"}]
    values = {"h0": "Ada", "h1": f"https://example.org/u/{'x' * 120}"}
    entries = [
        entry(f"reader{number}@example.org", values, ReplacementTags=tags, ReplacementHeaders=leave)
        for number in range(50)
    ]
    body = json.dumps(bulk_call(entries, html="<p>{{h0}}</p>" + "x" * 5000)).encode()
    calls = 200
    with FakeSes.start(None, rate=1e6, fsync=False, render=False) as ses:
        process = psutil.Process(ses.pid)
        connection = http.client.HTTPConnection(ses.url.removeprefix("http://"), timeout=30)
        before = sum(process.cpu_times()[:2])
        began = time.perf_counter()
        for _ in range(calls):
            connection.request("POST", "/v2/email/outbound-bulk-emails", body, SIGNED)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200
        used = sum(process.cpu_times()[:2]) - before
        connection.close()
        # of CPU, not of the wall clock: other tests run beside this one
        assert calls * 50 / used > 15_000, f"{used:.2f} s of CPU in {time.perf_counter() - began:.2f} s"
        assert ses.counts()["accepted"] == calls * 50
