"""What `raypp evaluate` measured, read for the registry of models."""

from pathlib import Path

from pydantic import ValidationError

from raypp.errors import ContentError, OptionError
from raypp.evaluate.report import SCORES_FILE, EvaluationScores
from raypp.io.content import read_content
from raypp.io.fault import first_fault
from raypp.io.json import MOST_BYTES
from raypp.ledger.model_values import ModelEvaluation

_REMEDY = "give the JSON of `raypp evaluate ARCHIVE --model BUNDLE`, or its report folder"


def read_evaluation(path: Path, model_id: str) -> ModelEvaluation:
    """Read the scores of a model.

    Args:
        path: the file of `raypp evaluate --json`, or the folder of its report.
        model_id: of the bundle that must have been evaluated.

    Raises:
        OptionError: if they cannot be read, or are of another model, or do not say of which.
    """
    file = path / SCORES_FILE if path.is_dir() else path
    try:
        scores = EvaluationScores.model_validate_json(read_content(file, MOST_BYTES))
    except ContentError as error:
        raise OptionError(f"evaluation {file} {error}; {_REMEDY}") from None
    except ValidationError as error:
        raise OptionError(f"evaluation {file}: {first_fault(error)}; {_REMEDY}") from None
    subject = scores.subject
    if subject is None or subject.model_id is None:
        raise OptionError(f"evaluation {file} does not name the bundle that it measured; evaluate the exported file")
    if subject.model_id != model_id:
        raise OptionError(f"evaluation {file} is of model {subject.model_id[:12]}, not of {model_id[:12]}; {_REMEDY}")
    return ModelEvaluation(
        dataset_version=subject.dataset_version,
        labels_version=subject.labels_version,
        split=subject.split,
        samples=scores.samples,
        map50=scores.map50,
        map50_95=scores.map50_95,
    )
