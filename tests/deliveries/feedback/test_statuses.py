import pytest

from deliveries.feedback.statuses import judge


@pytest.mark.parametrize(
    ("words", "status", "verdict"),
    [
        ("", "5.1.1", "hard"),
        ("", "5.1.10", "hard"),
        ("", "5.0.0", "hard"),
        ("", "5.2.1", "hard"),
        ("", "5.2.2", "soft"),
        ("", "5.4.7", "soft"),
        ("", "4.2.2", "soft"),
        ("", "4.7.1", "soft"),
        ("", "5.7.1", "ours"),
        ("", "5.7.515", "ours"),
        ("", "5.6.0", "ours"),
        ("", "5.1.8", "ours"),
        ("", "5.3.4", "ours"),
        ("", "", "soft"),
        ("550 5.1.1 No such user", "", "hard"),
        ("550-5.7.26 Unauthenticated", "", "ours"),
        ("550 5.7.1 Blocked, see 5.1.1", "", "ours"),
        ("550 No such user", "", "hard"),
        ("552 Too much", "", "soft"),
        ("554 Transaction failed", "", "soft"),
        ("450 Later", "", "soft"),
        ("No mailbox here by that name. (#5.1.1)", "", "hard"),
        ("smtp; 550 5.7.1 Blocked", "5.0.0", "ours"),
        ("host 5.1.1.1 said nothing", "", "soft"),
        ("host mx[192.0.2.5] runs 5.1.1.9 and said 550", "", "hard"),
    ],
)
def test_a_status_code_says_whose_fault_it_is_and_for_how_long(words, status, verdict):
    assert judge(words, status).verdict == verdict
