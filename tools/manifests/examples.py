"""The rule for settings: values that the repository ships as examples are set before anything is applied."""

import re
from collections.abc import Iterator

from tools.manifests.objects import Resource, texts_of

_EXAMPLE = re.compile(r"\.example(?=[/:]|$)|^192\.0\.2\.|^s3://example-|^replaced$")


def example_faults(resource: Resource) -> Iterator[str]:
    """Yield each example that an object still holds."""
    for text in sorted({text for text in texts_of(resource.document) if _EXAMPLE.search(text)}):
        yield f"{resource.title}: {text} is an example; set your own in cluster/kuberay/settings"
