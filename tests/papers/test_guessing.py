import pytest

from papers.guessing import guess_kind, guess_title


@pytest.mark.parametrize(
    ("url", "kind", "title"),
    [
        ("https://github.com/fchollet/ARC", "code", "fchollet/ARC"),
        ("https://github.com/fchollet/ARC/tree/master/data", "code", "fchollet/ARC"),
        ("https://huggingface.co/datasets/squad", "dataset", "huggingface.co/datasets/squad"),
        ("https://huggingface.co/spaces/some/demo", "demo", "huggingface.co/spaces/some/demo"),
        ("https://huggingface.co/gpt2/large", "model card", "huggingface.co/gpt2/large"),
        ("https://www.youtube.com/watch?v=x", "video", "youtube.com/watch"),
        ("https://x.com/somebody/status/1", "thread", "x.com/somebody/status/1"),
        ("https://openai.com/blog/better-language-models/", "blog post", "Better language models"),
        ("https://somebody.substack.com/p/on-grids", "blog post", "On grids"),
        ("https://example.org/", "other", "example.org"),
        ("https://notgithub.com/a/b", "other", "notgithub.com/a/b"),
        ("https://example.org/caf%C3%A9-au-lait.html", "other", "Café au lait"),
    ],
)
def test_an_address_says_a_first_kind_and_title(url, kind, title):
    assert (guess_kind(url), guess_title(url)) == (kind, title)


def test_a_title_is_never_longer_than_its_column():
    assert len(guess_title(f"https://example.org/{'a-' * 900}b")) == 300
