"""Keys of AWS KMS, which wrap key files."""

import re
from dataclasses import dataclass
from typing import Any, Self

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from raypp.errors import KeyFileError
from raypp.key_sources.place import KeyUrl
from raypp.key_sources.wrapper import PURPOSE

_CONNECT_S, _READ_S, _TRIES = 5, 10, 2
_KEY = re.compile(
    r"alias/[A-Za-z0-9/_-]{1,256}|[A-Za-z0-9-]{1,128}|arn:[a-z-]+:kms:(?P<region>[a-z0-9-]+):\d{12}:.{1,300}"
)
_CONTEXT = {"purpose": PURPOSE.decode()}
_REMEDIES = {
    "AccessDeniedException": "allow this identity kms:Encrypt and kms:Decrypt on the key",
    "NotFoundException": "correct the URL, or the region",
    "DisabledException": "enable the key",
    "InvalidCiphertextException": "check that the file was wrapped by this very key, and is unaltered",
    "IncorrectKeyException": "check that the file was wrapped by this very key",
}


@dataclass(frozen=True)
class AwsKey:
    """A symmetric key of KMS.

    Attributes:
        address: the URL without its query.
        key_id: ARN, alias/NAME or identifier.
        region: region of the ARN; None for the one of AWS_REGION or of AWS's configuration.
    """

    address: str
    key_id: str
    region: str | None

    @classmethod
    def of(cls, url: KeyUrl) -> Self:
        """Read a URL such as awskms:alias/raypp or awskms:arn:aws:kms:...; raises KeyFileError."""
        rest = url.address.partition(":")[2]
        key_id = rest.removeprefix("///")
        match = _KEY.fullmatch(key_id)
        if match is None:
            raise KeyFileError(f"{url.address} names no key; write awskms:alias/NAME or awskms:arn:aws:kms:...")
        unknown = url.query.keys() - {"wrapped"}
        if unknown:
            raise KeyFileError(f"{url.address}: attribute {min(unknown)} is not known here; leave it out")
        return cls(url.address, key_id, match["region"])


class AwsKms:
    """A symmetric key of KMS, which never leaves it. Who may use it is what AWS's own configuration says.

    Args:
        key: which key.
    """

    def __init__(self, key: AwsKey) -> None:
        self._key = key

    def wrap(self, secret: bytes) -> bytes:
        """Return the ciphertext of KMS; raises KeyFileError."""
        return self._call("encrypt", "CiphertextBlob", Plaintext=secret)

    def unwrap(self, wrapped: bytes) -> bytes:
        """Return the secret; raises KeyFileError."""
        return self._call("decrypt", "Plaintext", CiphertextBlob=wrapped)

    def _call(self, operation: str, field: str, **given: bytes) -> bytes:
        config = Config(connect_timeout=_CONNECT_S, read_timeout=_READ_S, retries={"total_max_attempts": _TRIES})
        try:
            client: Any = boto3.session.Session().client("kms", region_name=self._key.region, config=config)
            answer = getattr(client, operation)(KeyId=self._key.key_id, EncryptionContext=_CONTEXT, **given)
            content: bytes = answer[field]
        except ClientError as failure:
            code = str(failure.response.get("Error", {}).get("Code", "unknown"))
            problem, remedy = f"KMS refused ({code})", _REMEDIES.get(code, "check credentials and key")
        except BotoCoreError as failure:
            problem = f"KMS cannot be reached ({type(failure).__name__})"
            remedy = "check region, credentials and network, as for the `aws` command"
        else:
            return content
        raise KeyFileError(f"key source {self._key.address}: {problem}; {remedy}")
