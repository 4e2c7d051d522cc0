"""Models of a registry, without files."""

from raypp.ledger.model_values import BundleFacts, ModelEvaluation, RegisteredModel

VEIL, OTHER_VEIL = "ab" * 16, "cd" * 16


def evaluated(map50: float, dataset: str = "d1", split: str = "val") -> ModelEvaluation:
    return ModelEvaluation(
        dataset_version=dataset, labels_version="tools-v1", split=split, samples=40, map50=map50, map50_95=map50 / 2
    )


def registered(
    number: int,
    *evaluations: ModelEvaluation,
    veil_id: str = VEIL,
    classes: tuple[str, ...] = ("drill", "saw"),
    size: int = 160,
) -> RegisteredModel:
    return RegisteredModel(
        model_id=f"{number:x}" * 64,
        veil_id=veil_id,
        name=f"tools-v{number}",
        file=f"/models/{number}.model",
        facts=BundleFacts(architecture="yolov8n", classes=classes, size=size, epochs=3),
        evaluations=evaluations,
        aliases=(),
        added_us=0,
        retired_us=None,
    )
