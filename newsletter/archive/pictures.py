"""Publishing pictures: to a folder that a web server shows, or to an S3 bucket, once each.

A picture's name holds the hash of its content, so one that is there is never written again, and caches
may keep it for ever (RFC 8246, immutable). Nothing is ever deleted: old mails refer to old pictures.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from newsletter.errors import SendError
from newsletter.model import Image

__all__ = ["CACHE", "publish_to_bucket", "publish_to_folder"]

CACHE: Final = "public, max-age=31536000, immutable"
_PREFIX: Final = "images/"


def publish_to_folder(images: Sequence[Image], folder: Path) -> int:
    """Write those that are not there; return how many. A picture appears whole or not at all.

    Raises OSError, with the file's name, if the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    fresh = [image for image in images if not _is_there(image, folder)]
    for image in fresh:
        beside = folder / f".{image.name}.{os.getpid()}.part"
        with beside.open("wb") as file:
            file.write(image.data)
            file.flush()
            os.fsync(file.fileno())
        beside.rename(folder / image.name)
    return len(fresh)


def _is_there(image: Image, folder: Path) -> bool:
    path = folder / image.name
    return path.is_file() and path.stat().st_size == len(image.data)


def publish_to_bucket(images: Sequence[Image], bucket: str, make_client: Callable[[], Any]) -> int:
    """Upload those that are not there, under ``images/``; return how many.

    make_client: gives boto3's ``s3`` client. Raises SendError if the bucket cannot be used.
    Source: Amazon S3 API reference, HeadObject and PutObject.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    client = make_client()
    fresh = 0
    try:
        for image in images:
            key = f"{_PREFIX}{image.name}"
            if _object_size(client, bucket, key) == len(image.data):
                continue
            client.put_object(
                Bucket=bucket, Key=key, Body=image.data, ContentType=image.content_type, CacheControl=CACHE
            )
            fresh += 1
    except (BotoCoreError, ClientError) as error:
        raise SendError(
            f"The pictures cannot be published to the bucket {bucket}: {error}",
            hint="Check [archive] s3_bucket; it takes s3:GetObject, s3:ListBucket and s3:PutObject.",
        ) from error
    return fresh


def _object_size(client: Any, bucket: str, key: str) -> int | None:
    from botocore.exceptions import ClientError

    try:
        size: int = client.head_object(Bucket=bucket, Key=key)["ContentLength"]
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return None
        raise
    return size
