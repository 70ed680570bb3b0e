"""axe-core over one page of each kind, light and dark, wide and narrow. `make audit` looks at more pages, and longer."""

import pytest
from django.utils import timezone

from scripts.browsing import violations

BODY = """A *text* with a note[^1], `code` and a [link](https://example.org).

![A grid](figures/grid.png "Its caption")

| one | two |
|---|---|
| three | $\\frac{a}{b}$ |

```python
x = 1
```

[^1]: A note.
"""


@pytest.fixture
def paths(apart, publication, make_issue, make_story, make_topic, make_paper, make_image):
    def make():
        make_image()
        papers, topics = [make_paper()], [make_topic("robots"), make_topic("vision")]
        topics[1].builds_on.add(topics[0])
        stories = [
            make_story(issue=make_issue(published_at=timezone.now()), body=BODY, papers=papers, topics=topics)
            for _ in range(2)
        ]
        return [
            "/",
            "/issues/",
            "/topics/",
            "/subscribe/",
            f"/years/{stories[0].issue.date.year}/",
            f"{stories[0].get_absolute_url()}thread/",
            *(thing.get_absolute_url() for thing in (stories[0], stories[0].issue, topics[0], papers[0])),
        ]

    return apart(make)


@pytest.mark.once
@pytest.mark.parametrize(("width", "scheme"), [(320, "dark"), (1280, "light")])
def test_axe_finds_nothing_on_public_pages_and_none_is_wider_than_its_window(new_page, paths, width, scheme):
    page = new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    found = {}
    for path in paths:
        page.goto(path)
        found[path] = violations(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    assert not any(found.values()), found
