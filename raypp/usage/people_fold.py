"""The fold of people: detections of one stream, in event time, to violations of zones' rules and exposure.

It is called by `raypp.usage.fold` for each frame and each interval of time, and as pure as that: sample and hold. While
a person is missing, or evidence is in doubt, time is undecided, and is as what follows.
"""

from collections.abc import Sequence

from raypp.geometry.polygons import inside
from raypp.usage.body import Body, bodies_from, body_of
from raypp.usage.equipment import PERSON, BodyPart
from raypp.usage.evidence import ItemBox, ItemEvidence, item_box, standing
from raypp.usage.observation import Detection
from raypp.usage.people_state import PeopleState, ZoneRule
from raypp.usage.reliability import Reliabilities
from raypp.usage.rules import Zone
from raypp.usage.settings import SiteSettings
from raypp.usage.violation import CannotTell, ViolationKind
from raypp.usage.working_hours import WorkingHours

_HEAD = (BodyPart.HEAD, BodyPart.EYES)


class PeopleFold:
    """The rules of one camera's zones. Holds no state of a stream.

    Args:
        settings: of the site; the camera has zones.
        camera: its name.
        classes: the model's classes, by class_id.
        reliabilities: how far each of them is to be believed.
    """

    def __init__(
        self, settings: SiteSettings, camera: str, classes: Sequence[str], reliabilities: Reliabilities = ()
    ) -> None:
        about, people = settings.cameras[camera], settings.followed
        self.hold_us = round(people.hold_s * 1e6)
        self.missing_us = round(people.max_missing_s * 1e6)
        self._aspect = about.aspect
        self._zones = tuple(about.zones.values())
        self._polygons = tuple(tuple((x, y / about.aspect) for x, y in zone.polygon) for zone in self._zones)
        self._frames = tuple(
            (
                min(x for x, _ in polygon),
                min(y for _, y in polygon),
                max(x for x, _ in polygon),
                max(y for _, y in polygon),
            )
            for polygon in self._polygons
        )
        self._hours = tuple(WorkingHours(settings, zone.shifts) for zone in self._zones)
        required = {item for zone in self._zones for item in zone.require}
        equipment = [worn for worn in settings.equipment if worn.item in required]
        cell = max(1.0, 1 / about.aspect) / people.cells
        self._evidence = tuple(ItemEvidence(worn, classes, cell, reliabilities) for worn in equipment)
        self._begin = PeopleState(
            tuple(about.zones),
            tuple(worn.item for worn in equipment),
            tuple(rule for name, zone in about.zones.items() for rule in _rules(name, zone)),
        )
        self.times_us = [(rule.grace_us + _us(zone.min_s), _us(zone.max_gap_s)) for zone, rule in self._ruled()]
        self.rules_of = [
            [number for number, rule in enumerate(self._begin.rules) if rule.zone == name] for name in about.zones
        ]
        self.places = [dict(self._begin.required(zone)) for zone in range(len(self._zones))]
        numbers = {item: number for number, item in enumerate(self._begin.items)}
        self.persons_rules = [
            [(rule, numbers.get(self._begin.rules[rule].item)) for rule in rules if self._is_persons(rule)]
            for rules in self.rules_of
        ]
        self.zones_rules = [[rule for rule in rules if not self._is_persons(rule)] for rules in self.rules_of]
        self._classes = len(classes)
        names = people.classes or ((PERSON,) if PERSON in classes else ())
        self._people = _ids(classes, names)
        heads = [name for worn in settings.equipment if worn.on in _HEAD for name in worn.classes]
        torsos = [name for worn in settings.equipment if worn.on is BodyPart.TORSO for name in worn.classes]
        self._heads, self._torsos = (frozenset[int](),) * 2 if names else (_ids(classes, heads), _ids(classes, torsos))
        self._least = people.min_confidence
        items = [name for worn in equipment for name in worn.classes]
        self._wanted = self._people | self._heads | self._torsos | _ids(classes, items)

    def begin(self, next_number: int = 1) -> PeopleState:
        """Return the state before the first frame."""
        first = self._begin
        return PeopleState(first.zones, first.items, first.rules, next_number)

    def wants(self, detection: Detection) -> bool:
        """Say whether a detection may tell of people or items."""
        return detection.class_id in self._wanted

    def zones_at(self, body: Body, at_us: int) -> tuple[int, ...]:
        """Return the numbers of the zones in which a body's feet are, and whose rules count at the moment."""
        feet = (body.left + body.right) / 2, min(body.top + body.height, body.bottom)
        return tuple(
            number
            for number, (left, top, right, bottom) in enumerate(self._frames)
            if left <= feet[0] <= right
            and top <= feet[1] <= bottom
            and inside(feet, self._polygons[number])
            and self._hours[number].include(at_us)
        )

    def most_people(self, zone: int) -> int | None:
        """Return how many people may be in a zone."""
        return self._zones[zone].most_people

    def look(self, detections: Sequence[Detection]) -> tuple[list[Body], list[list[float | CannotTell]]]:
        """Return everybody on a frame, by coordinates, and for each item what the frame says of each of them."""
        persons, heads, torsos = [], [], []
        boxes: list[list[ItemBox]] = [[] for _ in range(self._classes)]
        for detection in detections:
            class_id, confidence = detection.class_id, detection.confidence
            box = detection.x1, detection.y1 / self._aspect, detection.x2, detection.y2 / self._aspect
            if confidence >= self._least:
                if class_id in self._people:
                    persons.append(body_of(box, confidence, 1 / self._aspect))
                elif class_id in self._heads:
                    heads.append((box, confidence))
                elif class_id in self._torsos:
                    torsos.append((box, confidence))
            boxes[class_id].append(item_box(box, confidence))
        bodies = sorted({*persons, *bodies_from(heads, torsos, 1 / self._aspect)})
        people = standing(bodies)
        return bodies, [evidence.weigh(boxes, people) for evidence in self._evidence] if bodies else []

    def _is_persons(self, rule: int) -> bool:
        """Whether a rule is about one person, not about how many there are."""
        return self._begin.rules[rule].kind in (ViolationKind.NOT_WORN, ViolationKind.FORBIDDEN)

    def _ruled(self) -> list[tuple[Zone, ZoneRule]]:
        by_name = dict(zip(self._begin.zones, self._zones, strict=True))
        return [(by_name[rule.zone], rule) for rule in self._begin.rules]


def _rules(name: str, zone: Zone) -> list[ZoneRule]:
    grace_us = _us(zone.grace_s)
    rules = [ZoneRule(ViolationKind.NOT_WORN, name, item, grace_us) for item in zone.require]
    if zone.forbidden:
        rules.append(ZoneRule(ViolationKind.FORBIDDEN, name, "", grace_us))
    if zone.most_people is not None:
        rules.append(ZoneRule(ViolationKind.MOST_PEOPLE, name, "", grace_us))
    if zone.alone:
        rules.append(ZoneRule(ViolationKind.ALONE, name, "", grace_us))
    return rules


def _ids(classes: Sequence[str], names: Sequence[str]) -> frozenset[int]:
    return frozenset(number for number, name in enumerate(classes) if name in names)


def _us(seconds: float) -> int:
    return round(seconds * 1e6)
