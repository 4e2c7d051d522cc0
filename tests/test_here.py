"""Commands that can do without Ray: where they work, and what they refuse."""

import pytest

from raypp.errors import OptionError
from raypp.here import works_here
from tests.command import raypp


@pytest.mark.parametrize(
    ("cluster", "here", "expected"), [(print, False, False), (print, True, True), (None, False, True)]
)
def test_a_command_works_in_its_own_process_where_asked_to_or_without_ray(cluster, here, expected):
    assert works_here(cluster, here=here, address=None) is expected


def test_a_ray_that_is_named_is_used_or_refused():
    assert not works_here(print, here=False, address="auto")
    with pytest.raises(OptionError, match=r"--address auto needs Ray; install raypp\[cluster\]"):
        works_here(None, here=False, address="auto")


@pytest.mark.parametrize(
    "command",
    [
        ("train", "veiled", "--out", "run"),
        ("fit", "pictures", "--out", "fitted", "--weights", "public.pt"),
        ("compare", "pictures", "--out", "cost"),
        ("audit", "pictures", "--out", "audit"),
    ],
)
def test_a_named_ray_beside_here_is_refused(command, tmp_path):
    done = raypp(*command, "--here", "--address", "10.0.0.1:6379", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "raypp: --address 10.0.0.1:6379 is of a Ray; leave out --here\n"
    assert not list(tmp_path.iterdir())
