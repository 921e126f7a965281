"""Unsubscribe mails that Amazon SES receives and puts into an S3 bucket, one object each.

What was understood is deleted, what was not is moved below ``not-understood/``, so that each object is read
but once, whoever else reads the bucket. Only the beginning of an object is read, whatever its size.
Source: Amazon SES Developer Guide, "Deliver to S3 bucket action"; S3 API reference, ListObjectsV2, GetObject.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from typing import Any, Final

from newsletter.errors import ConfigError, SendError
from newsletter.feedback.mail_sources import Arrived
from newsletter.feedback.wishes import LONGEST
from newsletter.settings import Inbox

__all__ = ["ASIDE", "RIGHTS", "S3Inbox"]

ASIDE: Final = "not-understood/"  #: below the prefix

RIGHTS: Final = "s3:ListBucket on the bucket; s3:GetObject, s3:PutObject and s3:DeleteObject on its objects"
_AT_ONCE: Final = 100  # names in memory


class S3Inbox:
    """The objects below a prefix of a bucket."""

    name = ""  # what has been read is gone: there is nothing to remember
    place = ""

    def __init__(self, inbox: Inbox, make_client: Callable[[], Any]) -> None:
        """make_client: gives boto3's ``s3`` client."""
        self._bucket, self._prefix = inbox.bucket, inbox.prefix
        self._aside = inbox.prefix + ASIDE
        self._make_client = make_client
        self._client: Any = None

    def messages(self, after: str = "") -> Generator[Arrived]:
        """Yield the beginning of each object, in the order of their names."""
        self._client = self._client or self._make_client()
        with self._explained():
            for key, size, at in self._objects(after):
                raw = self._read(key) if size else b""
                if raw is not None:
                    yield Arrived(id=key, raw=raw, at=at)

    def done(self, arrived: Arrived, understood: bool) -> None:
        """Delete an object that was understood; move any other out of the way."""
        with self._explained():
            if not understood:
                self._client.copy_object(
                    Bucket=self._bucket,
                    Key=self._aside + arrived.id.removeprefix(self._prefix),
                    CopySource={"Bucket": self._bucket, "Key": arrived.id},
                )
            self._client.delete_object(Bucket=self._bucket, Key=arrived.id)

    def _objects(self, last: str) -> Iterator[tuple[str, int, Any]]:
        """Yield name, bytes and time of what lies there; what was put aside is jumped over."""
        while True:
            behind = {"StartAfter": last} if last else {}
            page = self._client.list_objects_v2(
                Bucket=self._bucket, Prefix=self._prefix, MaxKeys=_AT_ONCE, **behind
            )
            for found in page.get("Contents", ()):
                last = found["Key"]
                if last.startswith(self._aside):
                    last = self._aside.removesuffix("/") + "0"  # the character that follows "/"
                    break
                if not last.endswith("/"):  # a folder, as the console makes them
                    yield last, found["Size"], found["LastModified"]
            else:
                if not page.get("IsTruncated"):
                    return

    def _read(self, key: str) -> bytes | None:
        """Return the beginning of an object, None if somebody else has just dealt with it."""
        from botocore.exceptions import ClientError

        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=key, Range=f"bytes=0-{LONGEST - 1}")
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise
        with closing(answer["Body"]) as body:
            raw: bytes = body.read(LONGEST)
            return raw

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say in plain words what is wrong with the bucket, the account or the way there."""
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

        try:
            yield
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "NoSuchBucket":
                raise ConfigError(
                    f"There is no bucket {self._bucket}.", hint="Check bucket under [inbox], and the Region."
                ) from error
            if error.response["ResponseMetadata"]["HTTPStatusCode"] in (301, 400, 401, 403):
                raise ConfigError(
                    f"The bucket {self._bucket} may not be read: {code}.",
                    hint=f"It takes {RIGHTS}; and [ses] region must be the bucket's.",
                ) from error
            raise SendError(
                f"The bucket {self._bucket} cannot be read: {code}.", hint="Nothing was lost: run it again."
            ) from error
        except NoCredentialsError as error:
            raise ConfigError(
                "There are no AWS credentials.", hint="Set them as for boto3: AWS_PROFILE, or a role."
            ) from error
        except BotoCoreError as error:
            raise SendError(
                f"The bucket {self._bucket} cannot be reached: {error}",
                hint="Check the network. Nothing was lost: run it again.",
            ) from error
