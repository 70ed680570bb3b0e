import pytest


def test_the_home_page_opens_without_an_error(page, publication):
    page.goto("/")
    assert publication.name in page.title()


@pytest.mark.parametrize("path", ["/subscribe/", "/nothing-here/"])
def test_a_page_opens_in_dark_on_a_small_screen_without_scrolling_sideways(new_page, publication, path):
    page = new_page(color_scheme="dark", viewport={"width": 320, "height": 640})
    page.goto(path)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
