"""`python -m benchmarks.synthetic OUT --weights yolov8n.pt --fit-data ppe4`: worth of synthetic frames, and leaks.

Images of drawn benches are veiled by a learned veil. It was fitted on images of other things, so that the detector that
the fit left knows none of the tools. A generator learns their codes, and draws half as many frames. Detectors are
trained for about as many steps on as many real frames, on synthetic ones, on a tenth of the real ones, and on that
tenth beside the synthetic ones. All start from what the fit left, and are judged on the same real val frames. What was
done is not done again.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

from raypp.demo.workshop.stills import draw_archive
from raypp.shards.labels import SampleLabels, list_versions, read_labels, write_labels
from raypp.shards.reader import ShardReader
from raypp.text.split_names import TRAIN, VAL
from tests.accept.frontier import choose_images
from tests.command import succeed, summary
from tests.ending import interrupt_on_sigterm

_SEED = 9001
_PATIENCE_S = 6 * 3600
_BATCH, _HALF, _TENTH = 16, 2, 10
_FIT_SIZE, _SIZE = 192, 256
_ALL, _EQUAL, _FEW = "all", "half", "tenth"
_VEIL = ("--patch", 16, "--channels", 5, "--bits", 2, "--sub-keys", 1, "--adversary", "field")
"""One of 1,024 names a cell: a generator has few values to learn."""


@dataclass(frozen=True)
class _Bench:
    """Folder and sizes of a measurement."""

    out: Path
    weights: Path
    train: int
    val: int
    fit_data: Path
    fit_train: int
    warm_up: int
    fit_epochs: int
    epochs: int
    generator_epochs: int
    guidance: float

    def run(self, *words: object) -> None:
        """Run a command of users to its end."""
        succeed(*words, timeout=_PATIENCE_S)

    def veiled(self) -> Path:
        """Fit, and veil what is learned."""
        out, key, fitted, veiled = self.out, self.out / "owner.key", self.out / "fitted", self.out / "veiled"
        out.mkdir(parents=True, exist_ok=True)
        if not key.exists():
            self.run("keygen", "--out", key)
        fit_images = choose_images(self.fit_data, out / "fit-images", self.fit_train)
        if not (out / "stills" / "data.yaml").exists():
            draw_archive(out / "stills", _SEED, self.train, self.val, moments=1)
        if not (fitted / "start.model").exists():
            self.run(
                "fit",
                fit_images,
                "--weights",
                self.weights,
                "--key",
                key,
                "--out",
                fitted,
                "--size",
                _FIT_SIZE,
                "--epochs",
                self.fit_epochs,
                "--warm-up",
                self.warm_up,
                "--batch",
                _BATCH,
                "--nominal-batch",
                _BATCH,
                *_VEIL,
                "--amp",
                "--on",
                "local",
            )
        self.run(
            "veil",
            out / "stills",
            "--spec",
            fitted / "encoder.veil",
            "--key",
            key,
            "--out",
            veiled,
            "--size",
            _SIZE,
            "--on",
            "local",
        )
        _part(veiled)
        return veiled

    def trained(self, archive: Path, labels: str, run: str, real: Path, steps: int) -> float:
        """Train for about so many steps, and return the mAP50 on all real val frames."""
        folder, scores = self.out / run, self.out / f"{run}.json"
        frames = read_labels(ShardReader(str(archive)).store, labels).splits[TRAIN]
        epochs = -(-steps // (frames // _BATCH))
        self.run(
            "train",
            archive,
            "--labels",
            labels,
            "--out",
            folder,
            "--weights",
            self.out / "fitted" / "start.model",
            "--epochs",
            epochs,
            "--batch",
            _BATCH,
            "--nominal-batch",
            _BATCH,
            "--amp",
            "--on",
            "local",
        )
        self.run("evaluate", real, "--model", folder, "--labels", _ALL, "--json", scores, "--on", "local")
        return float(summary(scores)["map50"])

    def synthesised(self, veiled: Path, out: str, *words: object) -> Path:
        """Draw frames and sign them; a tenth more than are to be trained on where synthetic ones are val."""
        generator = self.out / "synthetic-private" / "generator"
        self.run(
            "synthesise",
            veiled,
            "--labels",
            _ALL,
            "--out",
            self.out / out,
            "--generator",
            generator,
            "--epochs",
            self.generator_epochs,
            "--batch",
            _BATCH,
            "--guidance",
            self.guidance,
            "--key",
            self.out / "owner.key",
            *words,
        )
        return self.out / out


def main() -> None:
    """Make, train, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.synthetic", description=__doc__)
    parser.add_argument("out", type=Path, help="folder of all that is made")
    parser.add_argument("--weights", type=Path, required=True, help="public weights to start from (yolov8n.pt)")
    parser.add_argument("--train", type=int, default=1600, help="real frames that the generator learns")
    parser.add_argument("--val", type=int, default=200)
    parser.add_argument("--fit-data", type=Path, required=True, help="dataset of other things, to fit the veil on")
    parser.add_argument("--fit-train", type=int, default=208, help="of its train images, so many")
    parser.add_argument("--warm-up", type=int, default=2, help="epochs of the fit before it hides")
    parser.add_argument("--fit-epochs", type=int, default=3, help="epochs of the fit")
    parser.add_argument("--epochs", type=int, default=4, help="of a detector on as many real frames as are drawn")
    parser.add_argument("--generator-epochs", type=int, default=12)
    parser.add_argument("--guidance", type=float, default=0.0)
    bench = _Bench(**vars(parser.parse_args()))
    veiled = bench.veiled()
    equal = bench.train // _HALF
    steps = bench.epochs * (equal // _BATCH)
    drawn = -(-equal * _TENTH // (_TENTH - 1))
    report = bench.out / "synthetic.json"
    synthetic = bench.synthesised(veiled, "synthetic", "--frames", drawn, "--report", report, "--report-epochs", 0)
    mixed = bench.synthesised(veiled, "mixed", "--frames", equal, "--mix", _FEW)
    arms = {
        "real": (veiled, _EQUAL),
        "synthetic": (synthetic, _ALL),
        "tenth": (veiled, _FEW),
        "tenth and synthetic": (mixed, _ALL),
    }
    scores = {
        name: bench.trained(archive, labels, f"run-{name.replace(' ', '-')}", veiled, steps)
        for name, (archive, labels) in arms.items()
    }
    print(json.dumps({"map50": scores, "share": scores["synthetic"] / scores["real"], "report": summary(report)}))


def _part(veiled: Path) -> None:
    """Write label versions of all frames, and of half and a tenth of the train frames."""
    reader = ShardReader(str(veiled))
    versions = list_versions(reader.store)
    table = read_labels(reader.store, next(name for name in versions if name not in {_ALL, _EQUAL, _FEW}))
    rows: dict[str, list[SampleLabels]] = {name: [] for name in (TRAIN, VAL)}
    for row in table.rows:
        rows[row.split].append(row)
    for name, every in ((_ALL, 1), (_EQUAL, _HALF), (_FEW, _TENTH)):
        some = [*rows[TRAIN][::every], *rows[VAL]]
        write_labels(reader.store, name, table.classes, table.veil_id, some)


if __name__ == "__main__":
    interrupt_on_sigterm()
    main()
