"""`python -m benchmarks.homeomorphic IMAGES --key K --spec ENCODER --out OUT`: what pairs make of a smooth keyed map.

The audit's attacks from pairs by ridge regression, and with `--network` by a network, on the veil, on its encoder's
values without a map (0 layers) and under a keyed map, on noise, and on the linear mix that they must open. Attacks that
have their row are not made again. OUT/secured.png shows images decoded with and without the map.
"""

import argparse
import json
from pathlib import Path

from raypp.audit.attacks.reconstruct.ridge import Ridge
from raypp.audit.attacks.reconstruct.unet import UNet
from raypp.audit.core.budget import Budget
from raypp.audit.lab import lab_of
from raypp.audit.secured import SECURED_FILE, secured_images
from raypp.audit.settings import AuditSettings
from raypp.audit.suite.suite import LINEAR_8, NOISE
from raypp.audit.targets.homeomorphic import map_name
from raypp.audit.targets.target import VEIL
from raypp.audit.tasks import missing, read_attack_rows, run_attack, tasks
from raypp.io.private import private_folder
from raypp.key_sources.place import key_place
from raypp.veil.encoder_file import spec_and_encoder


def main() -> None:
    """Attack, and print a line a row."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.homeomorphic", description=__doc__)
    parser.add_argument("images", type=Path)
    for name in ("key", "spec", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--network", action="store_true", help="a network from pairs attacks, too (minutes)")
    options = parser.parse_args()
    spec, encoder = spec_and_encoder(options.spec)
    private_folder(options.out)
    for layers, targets in ((0, {map_name(0)}), (options.layers, {map_name(options.layers), VEIL, NOISE, LINEAR_8})):
        settings = AuditSettings(
            sources=(str(options.images),),
            out=options.out,
            key_path=key_place(str(options.key)),
            spec=spec,
            encoder=encoder,
            size=options.size,
            budget=Budget.QUICK,
            layers=layers,
        )
        kinds = (Ridge, UNet) if options.network else (Ridge,)
        by_pairs = {planned.attack.id for _, planned in settings.suite.pairs() if isinstance(planned.attack, kinds)}
        wanted = [task for task in tasks(settings) if task.target in targets and task.attack in by_pairs]
        for task in missing(wanted):
            run_attack(task)
        for row in read_attack_rows(wanted):
            print(f"{row.target}: {row.attack.name}: {row.model_dump_json(include={'detail', 'psnr_db'})}", flush=True)
    lab = lab_of(settings)
    secured = secured_images(lab.veil, options.layers, lab.evidence, settings.seed)
    secured.write(options.out / SECURED_FILE)
    print(f"{SECURED_FILE}: {json.dumps(secured.psnr_db())}")


if __name__ == "__main__":
    main()
