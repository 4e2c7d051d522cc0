"""Which veils a caller may use, and what a refusal tells of the others."""

import pytest

from raypp.errors import OptionError
from raypp.ledger.identity import Principal, Role
from raypp.ledger.types import checked_name
from raypp.serving.status import Status, StatusError
from raypp.serving.veils import Veils

_A, _B = "aa" * 16, "bb" * 16
_PLANT = Principal(Role.SITE, "plant", None, "0" * 16)
_OTHER = Principal(Role.SITE, "other", None, "1" * 16)
_ADA = Principal(Role.OPERATOR, None, "ada", "2" * 16)


def test_a_site_that_is_named_has_its_own_veils_alone() -> None:
    veils = Veils([_A, _B], {"plant": (_A,)})
    assert [veils.open_to(principal) for principal in (_PLANT, _OTHER, _ADA)] == [(_A,), (_A, _B), (_A, _B)]
    assert veils.only(_PLANT) == _A
    with pytest.raises(StatusError) as caught:
        veils.require(_B, _PLANT, Status.FAILED_PRECONDITION)
    assert caught.value.status is Status.FAILED_PRECONDITION
    veils.require(_B, _OTHER, Status.FAILED_PRECONDITION)


def test_sites_that_are_not_named_have_what_the_star_names() -> None:
    closed = Veils([_A, _B], {"plant": (_A,), "*": ()})
    assert [closed.open_to(principal) for principal in (_PLANT, _OTHER, _ADA)] == [(_A,), (), (_A, _B)]
    with pytest.raises(StatusError, match="no veil is served to site other"):
        closed.only(_OTHER)
    for_all = Veils([_A, _B], {"plant": (_A,), "*": (_B,)})
    assert [for_all.open_to(principal) for principal in (_PLANT, _OTHER)] == [(_A,), (_B,)]
    with pytest.raises(OptionError):
        checked_name("*", "site")


def test_a_refusal_names_no_veil_of_others() -> None:
    veils = Veils([_A, _B], {"plant": ()})
    for principal in (_PLANT, _OTHER, _ADA):
        with pytest.raises(StatusError) as caught:
            veils.require("cc" * 16, principal, Status.NOT_FOUND)
        assert _A not in str(caught.value)
        assert _B not in str(caught.value)
    with pytest.raises(StatusError, match="2 veils are served"):
        veils.only(_OTHER)
    with pytest.raises(StatusError, match="no veil is served to site plant"):
        veils.only(_PLANT)
