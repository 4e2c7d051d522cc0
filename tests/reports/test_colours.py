from raypp.reports.colours import LIGHT, colours_of
from raypp.usage.rules import ToolRules

CLASSES = ("pliers", "hammer", "saw", "wrench")


def test_a_tool_has_the_colour_of_its_class_whichever_others_are_shown():
    whole = colours_of(CLASSES, (), CLASSES)
    assert whole == {"pliers": 0, "hammer": 1, "saw": 2, "wrench": 3}
    assert colours_of({"wrench"}, (), CLASSES) == {"wrench": 3}
    assert colours_of({"wrench", "saw"}, (), CLASSES)["saw"] == whole["saw"]


def test_a_tool_with_a_name_of_its_own_has_the_colour_of_its_class():
    rules = [ToolRules.model_validate({"class": "saw", "name": "the old saw"})]
    assert colours_of({"the old saw"}, rules, CLASSES) == {"the old saw": 2}


def test_what_no_model_knows_comes_behind_by_name_and_colours_begin_anew():
    assert colours_of({"b", "a", "saw"}, (), CLASSES) == {"a": 4, "b": 5, "saw": 2}
    many = [f"class-{number:02}" for number in range(len(LIGHT) + 1)]
    assert colours_of(many, (), many)[many[-1]] == 0
