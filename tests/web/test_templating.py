import traceback
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from raypp.web.templating import environment, own_html

JINJA = environment("raypp.web")
PARAGRAPH = JINJA.from_string('<p title="{{ text }}">{{ text }}</p>')


class Parsed(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.text = [], {}, ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes |= dict(attrs)

    def handle_data(self, data):
        self.text += data


@given(st.text())
def test_no_text_can_become_markup(text):
    page = Parsed(PARAGRAPH.render(text=text))
    assert page.tags == ["p"]
    assert set(page.attributes) == {"title"}


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"])))
def test_printable_text_arrives_as_it_was(text):
    page = Parsed(PARAGRAPH.render(text=text))
    assert page.text == text
    assert page.attributes["title"] == text


def test_only_html_passes_unchanged():
    assert JINJA.from_string("{{ a }}{{ b }}").render(a=own_html("<i>"), b="<i>") == "<i>&lt;i&gt;"


def test_marks_that_turn_the_direction_of_text_do_not_reach_the_page():
    assert "\u202e" not in PARAGRAPH.render(text="gate\u202egnp.exe\x00")
    joined = JINJA.from_string("{% macro both(a) %}<b>{{ a ~ a }}</b>{% endmacro %}{{ both(a) }}").render(a="\u202e<")
    assert joined == "<b>\ufffd&lt;\ufffd&lt;</b>"


def test_a_name_that_a_template_does_not_get_is_an_error():
    with pytest.raises(UndefinedError):
        PARAGRAPH.render(words="text")
    with pytest.raises(UndefinedError):
        JINJA.from_string("{{ page.titel }}").render(page="x")


def test_nothing_is_never_shown_as_a_word():
    with pytest.raises(TypeError, match="None"):
        PARAGRAPH.render(text=None)


def test_line_breaks_between_tags_are_no_spaces_and_errors_keep_their_lines():
    text = "<ul>\n  {% for item in items %}\n    <li>{{ item }}</li>\n  {% endfor %}\n</ul>\n"
    assert JINJA.from_string(text).render(items=["a b", "c"]) == "<ul><li>a b</li><li>c</li></ul>"
    with pytest.raises(UndefinedError) as caught:
        JINJA.from_string("<ul>\n\n  <li>\n    {{ missing }}\n</li>").render()
    lines = [frame.lineno for frame in traceback.extract_tb(caught.tb) if frame.filename == "<template>"]
    assert lines == [4]
