"""The archive in an S3 bucket: only what has changed goes there, and only what we put there is removed.

What we put there is noted in the bucket, too (``archive/.made.json``): each key with the hash of its bytes
and the ETag that S3 gave it. With KMS encryption an ETag is no MD5, so it is compared with what it was, not
computed. What pages refer to goes before them, and the list at the very end.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final

from newsletter.archive.folder import Built, Made
from newsletter.archive.pictures import CACHE
from newsletter.errors import SendError

__all__ = ["Sent", "publish"]

_LIST: Final = "archive/.made.json"
_PREFIXES: Final = ("archive/", "images/", "robots.txt")
_ONCE: Final = 1000  # keys that one DeleteObjects may name


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """What publishing came to: the keys that went up, and those that were removed."""

    uploaded: Sequence[str]
    removed: Sequence[str]


def publish(
    built: Built, folder: Path, bucket: str, make_client: Callable[[], Any], *, dry_run: bool = False
) -> Sent:
    """Bring the bucket up to date with what was built. make_client: gives boto3's ``s3`` client.

    dry_run: only say what would go; what was built may be in no folder then. Raises SendError if the bucket
    cannot be used.
    Source: Amazon S3 API reference, ListObjectsV2, PutObject, DeleteObjects.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    client = make_client()
    try:
        return _publish(client, built, folder, bucket, dry_run)
    except (BotoCoreError, ClientError) as error:
        raise SendError(
            f"The archive cannot be published to the bucket {bucket}: {error}",
            hint="Check [archive] s3_bucket; it takes s3:ListBucket, s3:GetObject, s3:PutObject and "
            "s3:DeleteObject.",
        ) from error


def _publish(client: Any, built: Built, folder: Path, bucket: str, dry_run: bool) -> Sent:
    there = dict(chain.from_iterable(_list(client, bucket, prefix) for prefix in _PREFIXES))
    before = _read_list(client, bucket) if _LIST in there else {}
    now: dict[str, list[str]] = {}
    uploaded: list[str] = []
    wanted = [(key, Made(content_type=kind, cache=CACHE, digest="")) for key, kind in built.pictures.items()]
    for key, made in (*wanted, *built.files.items()):
        known = before.get(key, ["", ""])
        # a picture's name holds the hash of its content: one that is there is the right one
        if key in there and (not made.digest or known == [made.digest, there[key]]):
            now[key] = [made.digest, there[key]]
            continue
        uploaded.append(key)
        if not dry_run:
            answer = client.put_object(
                Bucket=bucket,
                Key=key,
                Body=(folder / key).read_bytes(),
                ContentType=made.content_type,
                CacheControl=made.cache,
            )
            now[key] = [made.digest, answer["ETag"]]
    gone = [key for key, (digest, _) in before.items() if digest and key not in now and key in there]
    if not dry_run:
        for at in range(0, len(gone), _ONCE):
            names = [{"Key": key} for key in gone[at : at + _ONCE]]
            client.delete_objects(Bucket=bucket, Delete={"Objects": names, "Quiet": True})
        made_now = {key: value for key, value in now.items() if value[0]}
        if made_now != {key: value for key, value in before.items() if value[0]}:
            body = json.dumps(made_now, indent=1, sort_keys=True).encode()
            client.put_object(
                Bucket=bucket, Key=_LIST, Body=body, ContentType="application/json", CacheControl="no-store"
            )
    return Sent(uploaded=uploaded, removed=gone)


def _list(client: Any, bucket: str, prefix: str) -> Iterable[tuple[str, str]]:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    for page in pages:
        for item in page.get("Contents", ()):
            yield item["Key"], item["ETag"]


def _read_list(client: Any, bucket: str) -> Mapping[str, list[str]]:
    """Return what we put there last; nothing if it cannot be read as that."""
    try:
        found = json.loads(client.get_object(Bucket=bucket, Key=_LIST)["Body"].read())
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {
        key: value
        for key, value in found.items()
        if isinstance(value, list) and len(value) == 2 and key.startswith(("archive/", "robots.txt"))
    }
