"""`python -m benchmarks.counting_seal FIT KEY`: seal the encoder of a fit that was stopped, as one that ended.

For measurements where a machine has no time for all epochs: `encoder.veil` and `start.model` are then those of the last
whole epoch, which a fit keeps in `running`.
"""

import argparse
from pathlib import Path

from raypp.compare.images import read_images
from raypp.fit.checkpoints import RUNNING
from raypp.fit.export import write_fitted
from raypp.fit.run import SETTINGS_FILE
from raypp.fit.settings import FitSettings, schedule_of
from raypp.fit.worker import fitted_weights
from raypp.veil.keyfile import load_owner_key


def main() -> None:
    """Seal, and print the veil."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.counting_seal", description=__doc__)
    parser.add_argument("fit", type=Path)
    parser.add_argument("key", type=Path)
    options = parser.parse_args()
    settings = FitSettings.model_validate_json((options.fit / SETTINGS_FILE).read_text())
    images = read_images(settings.data)
    key = load_owner_key(options.key)
    state = fitted_weights(options.fit / RUNNING)
    spec = write_fitted(settings, images.classes, schedule_of(settings, images), state, key, options.fit)
    print(f"veil {key.veil_id(spec)}: {options.fit / 'encoder.veil'}")


if __name__ == "__main__":
    main()
