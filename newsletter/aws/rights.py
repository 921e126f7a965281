"""May this key do what the newsletter does day by day? Asked of IAM itself, where it may be asked.

Decision: sending and receiving are not tried, because a trial would mail somebody or take an event from the
queue. IAM simulates them (SimulatePrincipalPolicy); `aws simulate` is the trial for those who want one. What
the doctor reads is not simulated: it has just been tried.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from newsletter.aws.asking import Aws, Refused, ask
from newsletter.aws.names import Names, Place
from newsletter.aws.policies import daily_policy
from newsletter.aws.remarks import error, note, warning, well
from newsletter.model import Finding
from newsletter.settings import Settings

__all__ = ["look_at_rights"]

CHECK: Final = "iam-rights"
_TRIED: Final = ("LookAt", "AskTheAccount")  # how the names of statements begin that need no simulation
_MEND = "Attach the policy that this prints to the user or role: newsletter aws setup --policy daily"


def look_at_rights(aws: Aws, settings: Settings, names: Names, place: Place) -> Iterator[Finding]:
    """Yield which rights of the daily policy this key lacks."""
    where = f"IAM, {place.caller.rpartition(':')[2]}"
    if place.caller.endswith(":root"):
        what = "this is the key of the account's root user: whoever finds it owns the account."
        mend = (
            "Make a user of its own with the policy of `newsletter aws setup --policy daily` (docs/aws.md)."
        )
        yield warning(CHECK, where, what, mend)
        return
    principal = _principal(place)
    if principal is None:
        what = "what a key of this kind may do cannot be asked."
        yield note(CHECK, where, what, "newsletter aws simulate tries sending and listening for real.")
        return
    denied: set[str] = set()
    try:
        for statement in daily_policy(settings, names, place)["Statement"]:
            if not statement["Sid"].startswith(_TRIED):
                denied |= _denied(aws, principal, statement)
    except Refused as refused:
        what = f"what this key may do cannot be asked ({refused.kind}: {refused.action})."
        mend = (
            "newsletter aws simulate tries sending and listening for real. The daily policy lets a user ask."
        )
        yield note(CHECK, where, what, mend)
        return
    if denied:
        yield error(CHECK, where, f"this key may not call {', '.join(sorted(denied))}.", _MEND)
    else:
        yield well(CHECK, where, "this key may send, read events and keep the suppression list.")


def _denied(aws: Aws, principal: str, statement: dict[str, Any]) -> set[str]:
    """Return the actions of a statement that are not allowed on what they are needed for."""
    actions: Sequence[str] = statement["Action"]
    identities = [each for each in statement["Resource"] if ":identity/" in each]
    others = [each for each in statement["Resource"] if each not in identities]
    denied: set[str] = set()
    for resource in others:
        denied |= _refused(aws, principal, actions, resource)
    if identities:  # the mail leaves by one of them: whichever is verified
        left = set(actions)
        for resource in identities:
            left &= _refused(aws, principal, sorted(left), resource)
            if not left:
                break
        denied |= left
    return denied


def _refused(aws: Aws, principal: str, actions: Sequence[str], resource: str) -> set[str]:
    call: dict[str, Any] = {"PolicySourceArn": principal, "ActionNames": list(actions)}
    if resource != "*":
        call["ResourceArns"] = [resource.replace("*", "x")]  # IAM takes no wildcard here
    answer = ask(aws("iam"), "simulate_principal_policy", **call)
    return {
        each["EvalActionName"]
        for each in answer.get("EvaluationResults") or ()
        if each.get("EvalDecision") != "allowed"
    }


def _principal(place: Place) -> str | None:
    """Return the user or role behind the caller, None if IAM has no such thing to ask about."""
    kind, _, name = place.caller.rpartition(":")[2].partition("/")
    if kind == "user":
        return place.caller
    if kind == "assumed-role":
        return place.arn("iam", f"role/{name.split('/')[0]}", regional=False)
    return None
