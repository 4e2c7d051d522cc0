"""Commands that can do without Ray: where they work, and what they refuse."""

from pathlib import Path

import pytest

from raypp.cli.audit import make_audit_command
from raypp.cli.compare import make_compare_command
from raypp.cli.fit import make_fit_command
from raypp.cli.train import make_train_command
from raypp.errors import OptionError
from raypp.execution import cluster_unless_here


@pytest.mark.parametrize(
    ("cluster", "here", "expected"), [(print, False, print), (print, True, None), (None, False, None)]
)
def test_a_command_works_in_its_own_process_where_asked_to_or_without_ray(cluster, here, expected):
    assert cluster_unless_here(cluster, here=here, address=None) is expected


def test_a_ray_that_is_named_is_used_or_refused():
    assert cluster_unless_here(print, here=False, address="auto") is print
    with pytest.raises(OptionError, match=r"--address auto needs Ray; install raypp\[cluster\]"):
        cluster_unless_here(None, here=False, address="auto")


@pytest.mark.parametrize(
    ("command", "options"),
    [
        (make_train_command, {"archive": "veiled"}),
        (make_fit_command, {"data": "images", "weights": Path("public.pt")}),
        (make_compare_command, {"data": "images"}),
        (make_audit_command, {"sources": ["images"]}),
    ],
)
def test_a_named_ray_beside_here_is_refused_before_anything_else(command, options, tmp_path):
    with pytest.raises(OptionError, match=r"--address 10\.0\.0\.1:6379 is of a Ray; leave out --here"):
        command(None)(**options, out=tmp_path / "out", here=True, address="10.0.0.1:6379")
    assert not (tmp_path / "out").exists()
