"""Requests to the pages of a plant, and their answers as a browser reads them."""

import base64
from html.parser import HTMLParser

from raypp.web.request import PageRequest
from raypp.web.routes import respond
from tests.reports.conftest import NOW_US

RANGE = "from=2026-03-02T13:50&to=2026-03-02T14:10"


def basic(token, user="anyone"):
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{token}".encode()).decode()}


def get(plant, path, query="", who="operator", method="GET", ledger=None):
    headers = basic(plant.tokens[who]) if who else {}
    return respond(PageRequest(method, path, query, headers), ledger or plant.ledger, plant.identities, NOW_US)


class Page(HTMLParser):
    """An answer, or the text of a page, as a browser reads it."""

    def __init__(self, answer):
        super().__init__()
        if not isinstance(answer, str):
            assert answer.status == 200, answer.body
            answer = answer.body.decode()
        self.elements, self.text = [], ""
        self.feed(answer)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def named(self, attribute):
        return [attributes[attribute] for _, attributes in self.elements if attribute in attributes]
