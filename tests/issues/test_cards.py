import datetime
import io
import os
import re
import time
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone
from PIL import Image

from issues.card_drawing import broken, draw, drawable, font
from issues.cards import HEIGHT, WIDTH, Card
from issues.tasks import forget_old_cards


@pytest.fixture
def issue(make_issue):
    return make_issue(number=40, date=datetime.date(2020, 6, 7), published_at=timezone.now())


def address_of_card(client, page):
    html = client.get(page).content.decode()
    return re.search(r'<meta property="og:image" content="https://digest.example.org(/[^"]*)">', html)[1]


@pytest.fixture(autouse=True)
def _site(settings):
    settings.SITE_URL = "https://digest.example.org"


def test_a_story_and_an_issue_have_a_card_of_the_size_that_their_pages_tell(client, publication, issue, make_story):
    story = make_story("Quotes “&” <tags>", issue=issue, slug="quotes")
    for page in (story.get_absolute_url(), issue.get_absolute_url()):
        response = client.get(address_of_card(client, page))
        assert response["Content-Type"] == "image/png"
        assert "immutable" in response["Cache-Control"]
        assert Image.open(io.BytesIO(response.content)).size == (WIDTH, HEIGHT)
    html = client.get(story.get_absolute_url()).content.decode()
    assert f'<meta property="og:image:width" content="{WIDTH}">' in html
    assert '<meta property="og:image:alt" content="Dynamically Typed #40: Quotes “&amp;” &lt;tags&gt;">' in html
    assert '<meta name="twitter:card" content="summary_large_image">' in html


def test_a_card_is_drawn_once_and_a_changed_title_is_another_card(client, publication, issue, make_story, monkeypatch):
    story = make_story("Before", issue=issue)
    old = address_of_card(client, story.get_absolute_url())
    first = client.get(old).content
    monkeypatch.setattr("issues.card_drawing.draw", None)
    assert client.get(old).content == first
    monkeypatch.undo()
    story.title = "After"
    story.save(update_fields=["title"])
    new = address_of_card(client, story.get_absolute_url())
    assert client.get(new).content != first
    assert client.get(old)["Location"] == new


def test_a_card_whose_writing_was_broken_off_is_drawn_again(client, publication, issue):
    address = address_of_card(client, issue.get_absolute_url())
    whole = client.get(address).content
    (name,) = default_storage.listdir("cards")[1]
    stored = Path(default_storage.path(f"cards/{name}"))
    stored.write_bytes(whole[:1000])
    assert client.get(address).content == whole
    assert stored.read_bytes() == whole


def test_a_card_drawn_long_ago_is_forgotten_and_drawn_again_where_it_is_asked_for(client, publication, issue):
    forget_old_cards()  # None was drawn yet.
    address = address_of_card(client, issue.get_absolute_url())
    picture = client.get(address).content
    (name,) = default_storage.listdir("cards")[1]
    for days, left in ((89, [name]), (91, [])):
        drawn_at = time.time() - days * 86_400
        os.utime(default_storage.path(f"cards/{name}"), (drawn_at, drawn_at))
        forget_old_cards()
        assert default_storage.listdir("cards")[1] == left
    assert client.get(address).content == picture


def test_what_is_not_public_has_no_card(client, make_issue, make_story):
    issue = make_issue()
    story = make_story(issue=issue)
    for page in (story.get_absolute_url(), issue.get_absolute_url()):
        assert client.get(f"{page}card-0123456789abcdef.png").status_code == 404


@pytest.mark.parametrize("title", ["A", "word " * 80, "x" * 200, "Łukasz Δέλτα Привет Nguyễn", "学习", "🎉", ""])
def test_any_title_fits_on_a_card(title):
    picture = Image.open(io.BytesIO(draw(Card("Dynamically Typed", 40, title, "7 June 2020", "#a8320a")))).convert("L")
    left, top, right, bottom = picture.crop((0, 120, WIDTH, 520)).point(lambda value: 255 * (value < 250)).getbbox()
    assert left >= 70
    assert right <= WIDTH - 70
    assert top > 0
    assert bottom < 400


def test_no_line_is_wider_than_it_may_be():
    face = font(60)
    for text in ("Some words and a donaudampfschifffahrtsgesellschaftskapitän", "x" * 300):
        lines = broken(text, face, 500)
        assert max(face.getlength(line) for line in lines) <= 500
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_letters_are_composed_emoji_left_out_and_what_the_font_lacks_is_not_drawn_in_part():
    assert drawable("Cafe\u0301  🎉 party") == "Café party"
    assert drawable("学习 from examples") == ""
    assert drawable("p ≤ 0.05") == ""
    assert drawable("Ångström’s “Łukasz” — Δέλτα × 2") == "Ångström’s “Łukasz” — Δέλτα × 2"
