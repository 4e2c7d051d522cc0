"""Which registered model a name, an alias or the begin of an id means. Pure."""

import re
from collections.abc import Sequence

from raypp.errors import OptionError
from raypp.ledger.model_values import CANDIDATE, LIVE, PREVIOUS, SHADOW, RegisteredModel

_ID = re.compile(r"[0-9a-f]{6,64}")


def chosen_model(models: Sequence[RegisteredModel], reference: str, veil_id: str | None = None) -> RegisteredModel:
    """Return one of some models by its name, an alias, or 6 digits or more of its model_id.

    Raises:
        OptionError: if there is none, it is of another veil than `veil_id`, or there are several.
    """
    named = [model for model in models if reference in {model.name, model.model_id}]
    aliased = [model for model in models if reference in model.aliases]
    begun = [model for model in models if _ID.fullmatch(reference) and model.model_id.startswith(reference)]
    fit = named or aliased or begun
    of_veil = [model for model in fit if veil_id in {None, model.veil_id}]
    if len(of_veil) == 1:
        return of_veil[0]
    if of_veil:
        meant = ", ".join(f"{model.label} of veil {model.veil_id}" for model in of_veil[:5])
        raise OptionError(f"{reference} may be {meant}; name the model, or give its `veil`")
    if fit:
        raise OptionError(
            f"model {fit[0].label} is of veil {fit[0].veil_id}, not of {veil_id}; name a model of that veil"
        )
    if reference in {LIVE, PREVIOUS, CANDIDATE, SHADOW}:
        of = f"veil {veil_id}" if veil_id else "any veil"
        raise OptionError(f"no model of {of} is {reference}; see `raypp model list`")
    raise OptionError(f"there is no model {reference[:100]}; add it with `raypp model add`, or see `raypp model list`")
