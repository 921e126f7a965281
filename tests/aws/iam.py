"""IAM's SimulatePrincipalPolicy over HTTP, which moto does not have: decides by a policy document.

Allow, Deny, wildcards in actions and resources, and ``${aws:username}``; no conditions.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

__all__ = ["Iam", "allows", "running"]


def allows(policy: Mapping[str, Any], action: str, resource: str = "*", *, user: str = "newsletter") -> bool:
    """Say whether a policy document allows an action on a resource."""
    verdict = False
    for statement in policy["Statement"]:
        actions = _several(statement["Action"])
        resources = [each.replace("${aws:username}", user) for each in _several(statement["Resource"])]
        applies = any(fnmatchcase(action.lower(), each.lower()) for each in actions) and any(
            fnmatchcase(resource, each) for each in resources
        )
        if applies and statement["Effect"] == "Deny":
            return False
        verdict = verdict or applies
    return verdict


def _several(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


class Iam(ThreadingHTTPServer):
    """policy: of the one principal. refuse: answer AccessDenied."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.policy: Mapping[str, Any] = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        self.refuse = False
        self.asked: list[dict[str, list[str]]] = []

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Iam

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        asked = parse_qs(body)
        self.server.asked.append(asked)
        if asked["Action"] != ["SimulatePrincipalPolicy"] or self.server.refuse:
            self._answer(403, _DENIED)
            return
        source = asked["PolicySourceArn"][0]
        actions, resources = (
            [value for key, [value] in sorted(asked.items()) if key.startswith(f"{name}.member.")]
            for name in ("ActionNames", "ResourceArns")
        )
        user = source.rpartition("/")[2]
        results = ""
        for action in actions:
            for resource in resources or ["*"]:
                good = allows(self.server.policy, action, resource, user=user)
                decision = "allowed" if good else "implicitDeny"
                results += (
                    f"<member><EvalActionName>{escape(action)}</EvalActionName><EvalResourceName>"
                    f"{escape(resource)}</EvalResourceName><EvalDecision>{decision}</EvalDecision></member>"
                )
        self._answer(200, _RESULT.format(results=results))

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the parent's name)
        """Say nothing."""


_NS = 'xmlns="https://iam.amazonaws.com/doc/2010-05-08/"'
_RESULT = (
    f"<SimulatePrincipalPolicyResponse {_NS}><SimulatePrincipalPolicyResult><IsTruncated>false</IsTruncated>"
    "<EvaluationResults>{results}</EvaluationResults></SimulatePrincipalPolicyResult>"
    "</SimulatePrincipalPolicyResponse>"
)
_DENIED = (
    f"<ErrorResponse {_NS}><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User: x is not "
    "authorized to perform: iam:SimulatePrincipalPolicy on resource: x</Message></Error></ErrorResponse>"
)


@contextmanager
def running() -> Iterator[Iam]:
    """Serve until the end of the block."""
    server = Iam()
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), name="iam")
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
