"""For what comes back: a real IMAP server, and real S3 over HTTP."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.dovecot import imap_server
from tests.workspaces import AWS

__all__ = ["bucket", "imap_server", "s3"]


@pytest.fixture(scope="session")
def s3() -> Iterator[Any]:
    """A client of a real S3 endpoint (moto's server)."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    client = boto3.session.Session(
        aws_access_key_id=AWS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=AWS["AWS_SECRET_ACCESS_KEY"],
        region_name=AWS["AWS_DEFAULT_REGION"],
    ).client("s3", endpoint_url=f"http://{host}:{port}")
    yield client
    client.close()
    server.stop()


@pytest.fixture
def bucket(s3: Any) -> Iterator[str]:
    """The name of an empty bucket."""
    name = "inbound"
    region = {"LocationConstraint": AWS["AWS_DEFAULT_REGION"]}
    s3.create_bucket(Bucket=name, CreateBucketConfiguration=region)
    yield name
    while found := s3.list_objects_v2(Bucket=name).get("Contents"):
        s3.delete_objects(Bucket=name, Delete={"Objects": [{"Key": item["Key"]} for item in found]})
    s3.delete_bucket(Bucket=name)
