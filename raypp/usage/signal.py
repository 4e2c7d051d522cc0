"""The decision of one frame: which lanes are in use, from what was found on it and where tools last lay."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import itemgetter

from raypp.geometry.boxes import Edges, Point, centre
from raypp.geometry.polygons import apart, inside
from raypp.usage.lanes import Lane
from raypp.usage.motion import Sense, Track, follow
from raypp.usage.observation import Detection, SeenFrame
from raypp.usage.rules import Mode, ToolRules
from raypp.usage.use import Use

_Boxes = dict[int, list[tuple[int, float, Edges]]]
"""By class: the place among the frame's detections, the confidence, and the box."""


@dataclass(frozen=True, slots=True)
class Motion:
    """Memory from frame to frame for one tool in mode moving."""

    tool: str
    tracks: tuple[Track, ...]


class Signal:
    """Decides frame by frame which lanes are in use. Holds no state: what is carried goes in and comes out.

    Args:
        lanes: the camera's lanes.
        classes: the model's classes, by class_id.
        aspect: width of the camera's image over its height. From here on all lengths are in widths of the image.
    """

    def __init__(self, lanes: Sequence[Lane], classes: Sequence[str], aspect: float) -> None:
        self._aspect = aspect
        self._lanes = tuple(
            lane if lane.polygon is None else replace(lane, polygon=tuple((x, y / aspect) for x, y in lane.polygon))
            for lane in lanes
        )
        self._moving = {lane.rules.tool: lane.rules for lane in lanes if lane.rules.mode is Mode.MOVING}
        self._sense = {
            tool: Sense(rules.min_shift, round(rules.max_gap_s * 1e6), round(rules.max_hidden_s * 1e6), 1 / aspect)
            for tool, rules in self._moving.items()
        }
        names = {name for lane in lanes for name in (lane.rules.class_name, *lane.rules.near)}
        self._ids = {name: frozenset(i for i, class_name in enumerate(classes) if class_name == name) for name in names}
        self._least = min((lane.rules.min_confidence for lane in lanes), default=1.0)
        self._wanted = frozenset[int]().union(*self._ids.values())
        self._by_tracks = [number for number, lane in enumerate(lanes) if lane.rules.mode is Mode.MOVING]
        self._without = [self._use(lane, {}) if lane.rules.mode is not Mode.MOVING else Use.NO for lane in self._lanes]
        self._looking: dict[int, list[int]] = {}  # at boxes of a class: lanes by number
        self._present: dict[int, list[tuple[int, float]]] = {}  # likewise, whose only question is one's confidence
        for number, lane in enumerate(self._lanes):
            rules = lane.rules
            if rules.mode is Mode.MOVING:
                continue
            if rules.mode is Mode.PRESENT and lane.polygon is None:
                for class_id in self._ids[rules.class_name]:
                    self._present.setdefault(class_id, []).append((number, rules.min_confidence))
                continue
            for class_id in frozenset[int]().union(*(self._ids[name] for name in (rules.class_name, *rules.near))):
                self._looking.setdefault(class_id, []).append(number)

    def wants(self, detection: Detection) -> bool:
        """Say whether a lane may look at a detection."""
        return detection.class_id in self._wanted and detection.confidence >= self._least

    def decide(self, carried: Sequence[Motion], frame: SeenFrame) -> tuple[tuple[Motion, ...], tuple[Use, ...]]:
        """Decide about one observed frame.

        Args:
            carried: what the decision about the frame before gave; empty at the start, or after time not observed.
            frame: the frame.

        Returns:
            What to carry to the next frame, and for each lane whether it is in use.
        """
        uses = self._without.copy()
        for detection in frame.detections:
            for number, least in self._present.get(detection.class_id, ()):
                if detection.confidence >= least:
                    uses[number] = Use.YES
        if not self._looking and not self._moving:
            return (), tuple(uses)
        boxes_of = self._by_class(frame)
        tracks = {motion.tool: motion.tracks for motion in carried}
        moved: dict[str, tuple[tuple[Point, Use], ...]] = {}
        after = []
        for tool, rules in self._moving.items():
            boxes = self._found(boxes_of, rules, rules.class_name)
            now, moved[tool] = follow(tracks.get(tool, ()), boxes, frame.timestamp_us, self._sense[tool])
            after.append(Motion(tool, now))
        for number in {number for class_id in boxes_of for number in self._looking.get(class_id, ())}:
            uses[number] = self._use(self._lanes[number], boxes_of)
        for number in self._by_tracks:
            lane = self._lanes[number]
            uses[number] = _moving(lane, moved[lane.rules.tool])
        return tuple(after), tuple(uses)

    def _by_class(self, frame: SeenFrame) -> _Boxes:
        """Boxes of a frame, each with its confidence, by class; looked at once for all lanes."""
        boxes: _Boxes = {}
        for place, detection in enumerate(frame.detections):
            box = (detection.x1, detection.y1 / self._aspect, detection.x2, detection.y2 / self._aspect)
            boxes.setdefault(detection.class_id, []).append((place, detection.confidence, box))
        return boxes

    def _use(self, lane: Lane, boxes_of: _Boxes) -> Use:
        return Use.YES if self._in_use(lane, boxes_of) else Use.NO

    def _in_use(self, lane: Lane, boxes_of: _Boxes) -> bool:
        rules, polygon = lane.rules, lane.polygon
        boxes = self._found(boxes_of, rules, rules.class_name)
        if rules.mode is Mode.WORN:
            wearers = _within(self._near(boxes_of, rules), polygon)
            return bool(wearers) and (lane.wearer or _everyone_wears(wearers, boxes, rules.reach))
        here = _within(boxes, polygon)
        if rules.mode is Mode.ABSENT:
            return not here
        if rules.mode is Mode.IN_HAND:
            hands = self._near(boxes_of, rules)
            return any(apart(box, hand) <= rules.reach for box in here for hand in hands)
        return bool(here)

    def _near(self, boxes_of: _Boxes, rules: ToolRules) -> list[Edges]:
        return [box for name in rules.near for box in self._found(boxes_of, rules, name)]

    def _found(self, boxes_of: _Boxes, rules: ToolRules, name: str) -> list[Edges]:
        """Boxes of a class at the confidence that the rules ask for."""
        ids, least = self._ids[name], rules.min_confidence
        boxes = [item for class_id in ids if class_id in boxes_of for item in boxes_of[class_id]]
        if len(ids) > 1:
            boxes.sort(key=itemgetter(0))
        return [box for _, confidence, box in boxes if confidence >= least]


def _moving(lane: Lane, uses: Sequence[tuple[Point, Use]]) -> Use:
    """In use where one tool is; undecided where one may be."""
    here = {use for point, use in uses if lane.polygon is None or inside(point, lane.polygon)}
    return Use.YES if Use.YES in here else Use.UNDECIDED if here else Use.NO


def _within(boxes: list[Edges], polygon: Sequence[Point] | None) -> list[Edges]:
    """Those boxes whose middle lies in a polygon."""
    return boxes if polygon is None else [box for box in boxes if inside(centre(box), polygon)]


def _everyone_wears(wearers: list[Edges], items: list[Edges], reach: float) -> bool:
    """Say whether each wearer can be given an item of their own whose middle is in their box, or within reach of it."""
    able = []
    for wearer in wearers:
        points = [(x, y, x, y) for x, y in map(centre, items)]
        able.append([number for number, point in enumerate(points) if apart(wearer, point) <= reach])
    owner: dict[int, int] = {}

    def give(person: int, visited: set[int]) -> bool:
        for item in able[person]:
            if item not in visited:
                visited.add(item)
                if item not in owner or give(owner[item], visited):
                    owner[item] = person
                    return True
        return False

    return all(give(person, set()) for person in range(len(wearers)))
