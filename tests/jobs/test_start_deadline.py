"""A pool for which nothing fits says so once."""

from jobs.start_deadline import DEADLINE_S, StartDeadline, lack_of_room


class _Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def _looks(deadline: StartDeadline, clock: _Clock, seconds: int, any_ready: bool) -> list[bool]:
    looks = []
    for _ in range(seconds // 10):
        clock.now += 10
        looks.append(deadline.has_passed(any_ready))
    return looks


def test_a_minute_without_a_worker_is_told_once_and_again_after_there_was_one() -> None:
    clock = _Clock()
    deadline = StartDeadline(clock)
    assert _looks(deadline, clock, int(DEADLINE_S) - 10, any_ready=False) == [False] * 5
    assert _looks(deadline, clock, 600, any_ready=False) == [True] + [False] * 59
    assert not any(_looks(deadline, clock, 600, any_ready=True))
    assert _looks(deadline, clock, 120, any_ready=False).count(True) == 1


def test_the_line_names_what_is_wanted_and_the_largest_node() -> None:
    nodes = [{"CPU": 64.0}, {"CPU": 8.0, "GPU": 0.5}, {}]
    line = lack_of_room({"CPU": 1, "GPU": 1}, nodes, {"CPU": 70.0})
    assert "Each takes 1 CPU and 1 GPU; the largest node has 8 CPU and 0.5 GPU; free on all nodes: 70 CPU and" in line
    line = lack_of_room({"CPU": 1, "GPU": 0}, nodes, {"CPU": 0.5})
    assert "Each takes 1 CPU; the largest node has 64 CPU; free on all nodes: 0.5 CPU. Add nodes" in line
    assert "the largest node has 0 CPU" in lack_of_room({"CPU": 1}, [], {})
