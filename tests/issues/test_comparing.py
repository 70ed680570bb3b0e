from issues.comparing import MOST_PAIRS, Piece, changed_paragraphs


def test_a_changed_word_is_shown_within_its_paragraph():
    then = "An opening.\n\nThe model has 175 million weights,\nsays the paper.\n\nAn end."
    now = "An opening.\n\nThe model has 175 billion weights, says the paper.\n\nAn end."
    assert changed_paragraphs(then, now) == [
        [
            Piece("same", "The model has 175"),
            Piece("gone", "million"),
            Piece("new", "billion"),
            Piece("same", "weights, says the paper."),
        ]
    ]


def test_wrapping_anew_is_no_change():
    assert changed_paragraphs("One two\nthree.\n\n\nFour.", "One\ntwo three.\n\nFour.") == []


def test_paragraphs_come_and_go():
    assert changed_paragraphs("One.\n\nTwo.\n\nThree.", "One.\n\nThree.\n\nFour.") == [
        [Piece("gone", "Two.")],
        [Piece("new", "Four.")],
    ]


def test_a_paragraph_written_anew_stands_whole_beside_the_old_one():
    changed = changed_paragraphs("A cat sat on the mat today.", "Nobody expects what follows here now.")
    assert [[piece.kind for piece in paragraph] for paragraph in changed] == [["gone"], ["new"]]


def test_one_paragraph_that_became_two_is_compared_with_both():
    changed = changed_paragraphs("One two three. Four five six.", "One two three.\n\nFour five seven.")
    assert [piece.text for piece in changed[0] if piece.kind != "same"] == ["six.", "seven."]


def test_what_is_too_long_to_compare_word_by_word_is_shown_whole():
    many = "word " * (int(MOST_PAIRS**0.5) + 1)
    changed = changed_paragraphs(many, many + "more")
    assert [[piece.kind for piece in paragraph] for paragraph in changed] == [["gone"], ["new"]]
