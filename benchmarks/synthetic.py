"""`python -m benchmarks.synthetic OUT --weights yolov8n.pt`: what synthetic veiled frames are worth, and give away.

Images of drawn benches are veiled by a learned veil. A generator learns their codes and draws as many frames. Detectors
are trained for about as many steps on real frames, on synthetic ones, on a tenth of the real ones, and on that tenth
beside the synthetic ones. All start from what the fit left, and are judged on the same real val frames. What was done
is not done again.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

from raypp.shards.labels import SampleLabels, list_versions, read_labels, write_labels
from raypp.shards.reader import ShardReader
from raypp.text.split_names import TRAIN, VAL
from tests.accept.near_stills import NEAR, NEARER, make_near_stills
from tests.command import succeed, summary
from tests.ending import interrupt_on_sigterm

_FIT_SEED, _SEED = 9000, 9001
_PATIENCE_S = 6 * 3600
_BATCH, _TENTH = 16, 10
_FIT_SIZE, _SIZE = 256, 128
_ALL, _FEW = "all", "tenth"


@dataclass(frozen=True)
class _Bench:
    """Folder and sizes of a measurement."""

    out: Path
    weights: Path
    train: int
    val: int
    fit_train: int
    warm_up: int
    epochs: int
    generator_epochs: int

    def run(self, *words: object) -> None:
        """Run a command of users to its end."""
        succeed(*words, timeout=_PATIENCE_S)

    def veiled(self) -> Path:
        """Fit, and veil what is learned."""
        out, key, fitted, veiled = self.out, self.out / "owner.key", self.out / "fitted", self.out / "veiled"
        out.mkdir(parents=True, exist_ok=True)
        if not key.exists():
            self.run("keygen", "--out", key)
        for folder, train, val, seed, size in (
            ("fit-stills", self.fit_train, self.fit_train // 10, _FIT_SEED, NEAR),
            ("stills", self.train, self.val, _SEED, NEARER),
        ):
            if not (out / folder / "data.yaml").exists():
                make_near_stills(out / folder, train, val, seed, size)
        if not (fitted / "start.model").exists():
            self.run(
                "fit",
                out / "fit-stills",
                "--weights",
                self.weights,
                "--key",
                key,
                "--out",
                fitted,
                "--size",
                _FIT_SIZE,
                "--epochs",
                1,
                "--warm-up",
                self.warm_up,
                "--batch",
                _BATCH,
                "--nominal-batch",
                _BATCH,
                "--adversary",
                "field",
                "--sub-keys",
                1,
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
            "--on",
            "local",
        )
        self.run("evaluate", real, "--model", folder, "--labels", _ALL, "--json", scores, "--on", "local")
        return float(summary(scores)["map50"])

    def synthesised(self, veiled: Path, out: str, *words: object) -> Path:
        """Draw as many frames as there are real ones; a tenth more where synthetic ones are val."""
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
            8,
            *words,
        )
        return self.out / out


def main() -> None:
    """Make, train, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.synthetic", description=__doc__)
    parser.add_argument("out", type=Path, help="folder of all that is made")
    parser.add_argument("--weights", type=Path, required=True, help="public weights to start from (yolov8n.pt)")
    parser.add_argument("--train", type=int, default=300)
    parser.add_argument("--val", type=int, default=75)
    parser.add_argument("--fit-train", type=int, default=160, help="images that the veil is fitted on")
    parser.add_argument("--warm-up", type=int, default=12, help="epochs of the fit before it hides")
    parser.add_argument("--epochs", type=int, default=10, help="of a detector on all real frames")
    parser.add_argument("--generator-epochs", type=int, default=12)
    bench = _Bench(**vars(parser.parse_args()))
    veiled = bench.veiled()
    steps = bench.epochs * (bench.train // _BATCH)
    drawn = -(-bench.train * _TENTH // (_TENTH - 1))
    report = bench.out / "synthetic.json"
    synthetic = bench.synthesised(veiled, "synthetic", "--frames", drawn, "--report", report, "--report-epochs", 0)
    mixed = bench.synthesised(veiled, "mixed", "--frames", bench.train, "--mix", _FEW)
    arms = {
        "real": (veiled, _ALL),
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
    """Write label versions of all frames, and of a tenth of either split."""
    reader = ShardReader(str(veiled))
    versions = list_versions(reader.store)
    table = read_labels(reader.store, next(name for name in versions if name not in {_ALL, _FEW}))
    rows: dict[str, list[SampleLabels]] = {name: [] for name in (TRAIN, VAL)}
    for row in table.rows:
        rows[row.split].append(row)
    for name, every in ((_ALL, 1), (_FEW, _TENTH)):
        some = [*rows[TRAIN][::every], *rows[VAL][::every]]
        write_labels(reader.store, name, table.classes, table.veil_id, some)


if __name__ == "__main__":
    interrupt_on_sigterm()
    main()
