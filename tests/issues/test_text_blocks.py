"""The plain words of rendered HTML."""

from issues.rendering import render_for_web
from issues.text_blocks import count_words, text_blocks


def test_a_formula_does_not_break_the_sentence_that_it_stands_in(db):
    rendered = render_for_web("Here $x^2$ is shown, as in DT #9, and that is all. Another sentence.")
    assert rendered.references[0].context == "Here x^2 is shown, as in DT #9, and that is all."


def test_numbers_of_footnotes_do_not_stick_to_words(db):
    html = render_for_web("A word[^1] and DT #9.\n\n[^1]: The note.").html
    assert text_blocks(html) == ["A word and DT #9.", "The note."]


def test_each_block_stands_by_itself_and_code_does_not_count(db):
    html = render_for_web(
        "# Head\n\nOne *two*\nthree.\n\n- four\n- five\n\n```\nsix\n```\n\n| a | b |\n|--|--|\n| c | d |"
    ).html
    blocks = text_blocks(html)
    assert blocks == ["Head", "One two three.", "four", "five", "a", "b", "c", "d"]
    assert count_words(blocks) == 10
