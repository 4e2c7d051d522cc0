"""What an operator deploys fits what the service reads; what cannot be served is refused in words."""

from pathlib import Path

import pytest
import yaml

from raypp.cli.serve import serve
from raypp.errors import RayppError
from raypp.io.private import write_private
from raypp.serving.settings import ServiceSettings
from tests.command import ROOT
from tests.serving.bundles import VEIL, write_eager_bundle

_SERVE = ROOT / "cluster" / "serve.yaml"


@pytest.mark.ray
def test_the_serve_config_is_one_and_its_builder_takes_its_arguments(tmp_path: Path) -> None:
    from ray.serve._private.api import call_user_app_builder_with_args_if_necessary
    from ray.serve._private.build_app import build_app as built
    from ray.serve.schema import ServeDeploySchema

    from actors.application import build_app

    config = ServeDeploySchema.model_validate(yaml.safe_load(_SERVE.read_text()))
    (application,) = config.applications
    assert application.import_path == f"{build_app.__module__}:{build_app.__name__}"
    bundle = write_eager_bundle(tmp_path / "tools.model")
    args = application.args | {"models": [str(bundle)], "ledger": "postgresql+psycopg://nobody@nowhere/raypp"}
    app = built(call_user_app_builder_with_args_if_necessary(build_app, args), name="raypp")
    deployments = {deployment.name: deployment for deployment in app.deployments}
    assert set(deployments) == {"Gateway", f"Detector-{VEIL[:12]}", "Counts"}
    gateway, detector = deployments["Gateway"], deployments[f"Detector-{VEIL[:12]}"]
    assert deployments["Counts"]._deployment_config.num_replicas == 1  # of all gateways together
    assert gateway.max_queued_requests > 0
    assert detector.max_queued_requests > 0
    assert gateway._deployment_config.autoscaling_config.max_replicas == 8
    assert gateway.max_ongoing_requests >= 50

    channel = {"kind": "webhook", "url": "https://alerts.example/", "key_files": ["/secrets/office.key"]}
    telling = args | {"alerts": {"channels": {"office": channel}}}
    app = built(call_user_app_builder_with_args_if_necessary(build_app, telling), name="raypp")
    sender = next(deployment for deployment in app.deployments if deployment.name == "Alerts")
    assert sender._deployment_config.num_replicas == 1
    assert sender.ray_actor_options["num_cpus"] == 0


def test_a_service_that_cannot_be_says_why_before_anything_starts(tmp_path: Path) -> None:
    bundle, ledger = write_eager_bundle(tmp_path / "tools.model"), f"sqlite:///{tmp_path / 'l.db'}"
    (tmp_path / "same.model").write_bytes(bundle.read_bytes())
    write_private(tmp_path / "short", b"secret\n")
    (tmp_path / "wrong.yaml").write_text("limits: {window: 0}\n")

    def refused(words: str, **options: object) -> None:
        with pytest.raises(RayppError, match=words) as caught:
            serve(**{"model": [bundle], "ledger": ledger, **options})
        assert "\n" not in str(caught.value)

    refused("--model", model=None)
    refused("`ledger`", ledger=None)
    refused("mysql", ledger="mysql://somewhere/x")
    refused(r"nowhere\.model", model=[tmp_path / "nowhere.model"])
    refused("no detector bundle", model=[tmp_path / "wrong.yaml"])
    refused(f"both read veil {VEIL}", model=[bundle, tmp_path / "same.model"])
    refused("fewer than 16", front_secret_file=tmp_path / "short")
    refused("limits: window must be", settings_file=tmp_path / "wrong.yaml")
    (tmp_path / "mute.yaml").write_text(
        "alerts: {channels: {office: {kind: webhook, url: 'http://x/', key_files: [no.key]}}}\n"
    )
    refused("channel office: key file .*no.key: No such file", settings_file=tmp_path / "mute.yaml")


def test_settings_say_what_they_are_not() -> None:
    args = yaml.safe_load(_SERVE.read_text())["applications"][0]["args"]
    assert ServiceSettings.model_validate(args).limits.window == 8
    with pytest.raises(ValueError, match="key"):
        ServiceSettings.model_validate(args | {"key": "owner.key"})
