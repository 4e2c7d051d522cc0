from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from raypp.web.html import Html, element, join


class Found(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.text = [], {}, ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes |= dict(attrs)

    def handle_data(self, data):
        self.text += data


@given(st.text())
def test_no_text_can_become_markup(text):
    page = Found()
    page.feed(element("p", text, title=text).text)
    page.close()
    assert page.tags == ["p"]
    assert set(page.attributes) == {"title"}


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"])))
def test_printable_text_arrives_as_it_was(text):
    page = Found()
    page.feed(element("p", text, title=text).text)
    page.close()
    assert page.text == text
    assert page.attributes["title"] == text


def test_only_html_passes_unchanged():
    assert element("b", Html("<i>"), "<i>", None, [1, "&"]).text == "<b><i>&lt;i&gt;1&amp;</b>"
    assert join("<", element("br")).text == "&lt;<br>"


def test_attributes_that_are_none_or_false_are_left_out():
    assert element("a", class_="x", aria_label=None, hidden=False, open=True).text == '<a class="x" open></a>'


def test_marks_that_turn_the_direction_of_text_do_not_reach_the_page():
    assert "\u202e" not in element("p", "gate\u202egnp.exe\x00").text
