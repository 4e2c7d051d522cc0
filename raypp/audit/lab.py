"""The laboratory of an audit: footage, baseline, recognisers and detectors, each read or made once."""

from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from raypp.audit.core.budget import Budget
from raypp.audit.core.model import Case, Need, People, Trial
from raypp.audit.footage.evidence import Evidence, gather
from raypp.audit.footage.members import LEAST_MEMBERS, LEAST_STRANGERS, gather_trial
from raypp.audit.footage.people import gather_people, videos_of
from raypp.audit.metrics.blind_baseline import blind_baseline
from raypp.audit.metrics.measure import NOT_INSPECTED, BlindBaseline, Inspection
from raypp.audit.recognition.packages import recogniser_versions
from raypp.audit.settings import AuditSettings
from raypp.audit.suite.case_builder import CaseInputs, case_of
from raypp.audit.suite.insider import Insider, open_insider
from raypp.audit.suite.suite import Planned
from raypp.detect.checkpoint import read_model_info
from raypp.errors import OptionError
from raypp.veil.keyfile import load_key
from raypp.veil.veil import Veil, open_veil

if TYPE_CHECKING:
    from raypp.audit.recognition.search import Search  # recognisers are an extra
    from raypp.audit.recognition.things import Things

_LONGEST_S = {Budget.QUICK: 180, Budget.STANDARD: 180, Budget.FULL: 900}
"""Seconds of all videos together in which people are followed."""


class Lab:
    """All that the attacks of one audit share. Nothing is read or made before it is asked for, and nothing twice.

    Args:
        settings: of the audit.
    """

    def __init__(self, settings: AuditSettings) -> None:
        self.settings = settings
        self._suite = settings.suite

    @cached_property
    def veil(self) -> Veil:
        """The audited veil under its key; raises KeyFileError, ModelError if key or encoder cannot be read."""
        return open_veil(self.settings.spec, load_key(self.settings.key_path), self.settings.encoder)

    @cached_property
    def evidence(self) -> Evidence:
        """The images; raises OptionError if they are too few, MediaError if a source cannot be read."""
        given = self.settings
        return gather(given.sources, given.size, self._suite.known, self._suite.victims, given.seed)

    @cached_property
    def blind(self) -> BlindBaseline:
        """The blind baseline of the victims, inside the veil's cells."""
        return BlindBaseline.of(self.evidence.known, self.evidence.victims, self.settings.spec.patch)

    @cached_property
    def videos(self) -> tuple[str, ...]:
        """The videos among the sources, by URL or path."""
        return videos_of(self.settings.sources)

    @cached_property
    def insider(self) -> Insider:
        """The insider's detector and public weights; raises ModelError, ConflictError if they do not fit."""
        files = self.settings.files
        return open_insider(files[Need.MODEL], files[Need.WEIGHTS], self.veil.veil_id)

    @cached_property
    def trial(self) -> Trial | None:
        """Images that the detector learnt from, and others; None where there is no detector, or nothing tells.

        Raises:
            ModelError: if the detector cannot be read.
            OptionError: if what was named for it tells too little.
        """
        given = self.settings
        if given.model is None:
            return None
        sources = given.sources if given.members is None else (given.members,)
        trial = gather_trial(
            sources, read_model_info(given.model).size, given.spec.patch, self._suite.tried, given.seed
        )
        if trial is None and given.members is not None:
            raise OptionError(
                f"`members` {given.members} is no local dataset with at least {LEAST_MEMBERS} images in train and "
                f"{LEAST_STRANGERS} in val, of one shape; give the folder of the data.yaml that the detector learnt by"
            )
        return trial

    @cached_property
    def bodies(self) -> People | str:
        """People in videos, by public weights, or why there are too few."""
        return self._followed(self.settings.weights)

    @cached_property
    def faces(self) -> People | str:
        """Faces of people in videos, by a recogniser, or why there are too few."""
        return self._followed(None)

    @cached_property
    def search(self) -> "Search":
        """Faces and text that recognisers look for."""
        from raypp.audit.recognition.search import Search  # noqa: PLC0415 - needs recognisers

        looking = self._suite.looking
        return Search.on(self.evidence.victims, looking.probes, self.settings.seed, own_words=looking.own_words)

    @cached_property
    def things(self) -> "Things":
        """Objects and colours that are looked for."""
        from raypp.audit.recognition.things import Things  # noqa: PLC0415 - nobody may look

        known, victims = self.evidence.known, self.evidence.victims
        return Things.on(victims, blind_baseline(known, victims, self.settings.spec.patch), self.settings.weights)

    def inspection(self, target: str, planned: Planned, *, recognisers: bool) -> Inspection:
        """Return what is looked for on what an attack reconstructs of a target; nothing where nobody is to look."""
        if not self._suite.looks(target, planned) or self.lacking(planned):
            return NOT_INSPECTED
        return Inspection(self.search if recognisers else None, self.things)

    def people(self, planned: Planned) -> People | str | None:
        """Return people in videos for an attack that needs them, or why there are too few; None if it needs none."""
        if Need.PEOPLE not in planned.needs:
            return None
        return self.bodies if Need.WEIGHTS in planned.needs else self.faces

    def case(self, target: str, planned: Planned) -> Case:
        """Return all that an attack on a target is given, people in enough videos among it.

        Raises:
            ModelError, ConflictError: if detector or weights cannot be read, do not fit, or are of another veil.
        """
        people, needs = self.people(planned), set(planned.needs)
        inputs = CaseInputs(
            self.evidence,
            self.settings.model,
            self.trial if Need.MEMBERS in needs else None,
            people if isinstance(people, People) else None,
            self.insider if {Need.MODEL, Need.WEIGHTS} <= needs else None,
        )
        return case_of(target, self.veil, inputs, self.settings.seed)

    def lacking(self, planned: Planned) -> tuple[Need, ...]:
        """Return what an attack needs that was not given."""
        return tuple(need for need in planned.needs if not self._given(need))

    def _given(self, need: Need) -> bool:
        match need:
            case Need.VIDEOS:
                return bool(self.evidence.victims.moments)
            case Need.PEOPLE:
                return bool(self.videos)
            case Need.RECOGNISERS:
                return bool(recogniser_versions())
            case Need.MEMBERS:
                return self.settings.members is not None or self.trial is not None
            case _:
                return need in self.settings.files

    def _followed(self, weights: Path | None) -> People | str:
        given = self.settings
        return gather_people(self.videos, given.size, weights, _LONGEST_S[given.budget])


@lru_cache(maxsize=1)
def lab_of(settings: AuditSettings) -> Lab:
    """Return the laboratory of an audit, the same for all its tasks in a process."""
    return Lab(settings)
