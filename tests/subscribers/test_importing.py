import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import example, given
from hypothesis import strategies as st

from subscribers import erasure, signup
from subscribers.addresses import normalise
from subscribers.csv_files import as_written, harmless
from subscribers.errors import BadAddress
from subscribers.models import ConsentEvent, Subscriber
from subscribers.plain_addresses import PLAIN, normalise_quickly

pytestmark = pytest.mark.django_db
FILES = Path(__file__).parent / "files"
CONSENT = "They agreed on our old site, by double opt-in."


@pytest.fixture
def import_csv(tmp_path, capsys):
    """Import a file, or the text of one, by the command; return its report."""

    def run(file, *options, refused=0):
        if not isinstance(file, Path):
            path = tmp_path / "readers.csv"
            path.write_bytes(file if isinstance(file, bytes) else file.encode())
            file = path
        output = io.StringIO()
        arguments = ["import_subscribers", str(file), "--consent", CONSENT, "--json", *options]
        arguments += ["--refused", str(tmp_path / "refused.csv")]
        if refused:
            with pytest.raises(CommandError, match=f"{refused} refused. Mend them in"):
                call_command(*arguments, stdout=output)
        else:
            call_command(*arguments, stdout=output)
        return json.loads(output.getvalue())

    return run


def states():
    return dict(Subscriber.objects.order_by("email").values_list("email", "state"))


def read_refused(tmp_path):
    text = (tmp_path / "refused.csv").read_text("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=csv.Sniffer().sniff(text, ",;").delimiter))


# Each export as the system writes it, with rows that are wrong; how they are mended; and what the list holds then.
EXPORTS = {
    "listmonk.csv": (
        "listmonk",
        {"barbara at example.org": "barbara@example.org", "sleeping": "enabled"},
        {
            "ADA@example.org": "unsubscribed",
            "Grace.Hopper@example.org": "active",
            "alan@example.org": "unsubscribed",
            "barbara@example.org": "active",
            "donald@example.org": "active",
            "edsger@example.org": "unsubscribed",
            "john@example.org": "active",
        },
        {"twice in the file": 1},
    ),
    "ghost.csv": (
        "Ghost",
        {"example..org": "example.org", "jürgen": "juergen", ",Donald,,,": ",Donald,,true,"},
        {
            "ada@example.org": "active",
            "alan@example.org": "unsubscribed",
            "barbara@example.org": "active",
            "donald@example.org": "active",
            "edsger@example.org": "unsubscribed",
            "grace@example.org": "active",
            "juergen@example.org": "active",
        },
        {},
    ),
    "substack.csv": (
        "Substack",
        {"edsger@example,": "edsger@example.org,", "18/08/2019": "2019-08-18"},
        {
            "ada@example.org": "active",
            "alan@example.org": "unsubscribed",
            "barbara@example.org": "active",
            "edsger@example.org": "active",
            "grace@example.org": "active",
        },
        {},
    ),
    "substack_dashboard.csv": (
        "Substack",
        {",Nobody": "nobody@example.org,Nobody"},
        {"ada@example.org": "active", "grace@example.org": "active", "nobody@example.org": "active"},
        {},
    ),
    "buttondown.csv": (
        "Buttondown",
        {"@@": "@"},
        {
            "ada@example.org": "active",
            "alan@example.org": "unsubscribed",
            "barbara@example.org": "bounced",
            "donald@example.org": "complained",
            "grace@example.org": "active",
            "margaret@example.org": "active",
        },
        {"not confirmed there": 1, "held to be spam there": 1},
    ),
    "mailchimp_subscribed.csv": (
        "Mailchimp",
        {"edsger@example.org;barbara@example.org": "edsger@example.org", "2093": "2019"},
        {
            "ada@example.org": "active",
            "alan@example.org": "active",
            "donald@example.org": "active",
            "edsger@example.org": "active",
            "grace@example.org": "active",
        },
        {},
    ),
    "mailchimp_unsubscribed.csv": (
        "Mailchimp",
        {"linus.example": "linus@example"},
        {
            "dennis@example.org": "unsubscribed",
            "ken@example.org": "unsubscribed",
            "linus@example.org": "unsubscribed",
        },
        {},
    ),
    "mailchimp_cleaned.csv": (
        "Mailchimp",
        {"example .org": "example.org"},
        {"guido@example.org": "bounced", "radia@example.org": "bounced", "tim@example.org": "bounced"},
        {},
    ),
    "keila.csv": (
        "Keila",
        {"waiting": "active"},
        {
            "ada@example.org": "active",
            "alan@example.org": "unsubscribed",
            "barbara@example.org": "active",
            "edsger@example.org": "bounced",
            "grace@example.org": "active",
        },
        {},
    ),
    "plain.csv": (
        "plain CSV",
        {"03.04.2021": "2021-04-03"},
        {
            "ada@example.org": "active",
            "barbara@example.org": "active",
            "edsger@example.org": "unsubscribed",
            "grace@example.org": "active",
        },
        {"not confirmed there": 1},
    ),
}


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_is_tried_imported_mended_and_imported_again(import_csv, tmp_path, name):
    format, mending, expected, left_out = EXPORTS[name]
    wrong = len(mending)

    tried = import_csv(FILES / name, "--dry-run", refused=wrong)
    assert Subscriber.objects.count() == 0
    assert ConsentEvent.objects.count() == 0

    done = import_csv(FILES / name, refused=wrong)
    assert done["format"] == format
    assert {**done, "dry_run": True} == tried
    assert done["left_out"] == left_out
    assert len(read_refused(tmp_path)) == wrong
    assert all(row["reason"] for row in read_refused(tmp_path))

    refused = (tmp_path / "refused.csv").read_bytes().decode("utf-8")
    for bad, good in mending.items():
        assert bad in refused
        refused = refused.replace(bad, good)
    again = import_csv(refused)
    assert again["format"] == format
    assert sum(again["added"].values()) == wrong
    assert states() == expected


def test_importing_twice_changes_nothing(import_csv):
    import_csv(FILES / "keila.csv", refused=1)
    before = states(), ConsentEvent.objects.count()
    report = import_csv(FILES / "keila.csv", refused=1)
    assert report["added"] == {}
    assert report["known"] == {"active": 2, "bounced": 1, "unsubscribed": 1}
    assert (states(), ConsentEvent.objects.count()) == before


@pytest.mark.parametrize("state", ["unsubscribed", "bounced", "complained", "pending", "active"])
def test_nobody_in_the_list_is_changed_by_a_file(import_csv, make_subscriber, state):
    subscriber = make_subscriber(email="ada@example.org", state=state)
    events = subscriber.consent_events.count()
    for status in ("active", "unsubscribed", "pending"):
        report = import_csv(f"email,status\nADA@Example.org,{status}\n")
        assert report["known"] == ({} if status == "pending" else {state: 1})
    subscriber.refresh_from_db()
    assert (subscriber.email, subscriber.state) == ("ada@example.org", state)
    assert subscriber.consent_events.count() == events


def test_the_erased_stay_erased_even_after_the_key_has_changed(import_csv, make_subscriber, settings):
    erasure.erase(make_subscriber(email="ada@example.org"), source="test")
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another"
    report = import_csv("email\nAda@example.org\neve@example.org\n")
    assert report["left_out"] == {"erased here at their wish": 1}
    assert states() == {"": "erased", "eve@example.org": "active"}


def test_whoever_is_erased_while_a_file_is_read_is_not_brought_back(make_subscriber, tmp_path):
    """The progress is told between reading and taking in: that is when somebody asks to be forgotten."""
    from subscribers.errors import ListChanged
    from subscribers.importing import import_file

    ada = make_subscriber(email="ada@example.org")
    path = tmp_path / "readers.csv"
    path.write_text("email\nada@example.org\neve@example.org\n")
    with pytest.raises(ListChanged):
        import_file(path, consent=CONSENT, progress=lambda read: erasure.erase(ada, source="test"))
    assert states() == {"": "erased"}


def test_who_is_active_here_and_left_there_is_pointed_out(import_csv, make_subscriber, capsys):
    make_subscriber(email="ada@example.org")
    assert import_csv("email,status\nada@example.org,unsubscribed\n")["left_elsewhere"] == 1


@pytest.mark.parametrize("order", [["active", "unsubscribed", "bounced"], ["bounced", "unsubscribed", "active"]])
def test_where_an_address_comes_twice_the_one_that_left_counts(import_csv, order):
    lines = "".join(f"ada@example.org,{state}\n" for state in order)
    tried = import_csv(f"email,status\n{lines}", "--dry-run")
    report = import_csv(f"email,status\n{lines}")
    assert tried["added"] == report["added"] == {"bounced": 1}
    assert report["left_out"] == {"twice in the file": 2}
    assert states() == {"ada@example.org": "bounced"}


def test_the_history_says_where_consent_came_from_and_since_when(import_csv):
    import_csv(FILES / "mailchimp_subscribed.csv", refused=2)
    ada = Subscriber.objects.get(email="ada@example.org")
    assert ada.created_at == datetime(2018, 2, 12, 10, 59, tzinfo=UTC)
    [event] = ada.consent_events.all()
    assert event.kind == "imported"
    assert event.source == "import: Mailchimp, mailchimp_subscribed.csv"
    assert event.wording == f"{CONSENT} On that list since 2018-02-12."
    assert event.created_at.year > 2018


def test_the_history_of_those_who_left_there_says_so(import_csv):
    import_csv("email,status\nada@example.org,unsubscribed\neve@example.org,complained\n")
    events = ConsentEvent.objects.order_by("subscriber__email").values_list("kind", "wording")
    assert list(events) == [
        ("unsubscribed", "So it stands in the file."),
        ("complained", "So it stands in the file."),
    ]


def test_an_imported_subscriber_can_leave_and_come_back(import_csv, client, sign_up, mailoutbox, link_in):
    import_csv("email\nada@example.org\n")
    ada = Subscriber.objects.get()
    signup.unsubscribe(ada, source="test")
    sign_up("ada@example.org")
    client.post(link_in(mailoutbox[0], "/subscribe/confirm/"))
    assert states() == {"ada@example.org": "active"}


def test_consent_has_to_be_stated(tmp_path):
    path = tmp_path / "readers.csv"
    path.write_text("email\nada@example.org\n")
    with pytest.raises(CommandError, match="--consent"):
        call_command("import_subscribers", str(path))
    with pytest.raises(CommandError, match="--consent is empty"):
        call_command("import_subscribers", str(path), "--consent", "  ")
    assert Subscriber.objects.count() == 0


TABLE = "Email,Name\r\nada@example.org,Jörg\r\neve@example.org,Zoë\r\n"


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (TABLE.encode(), "utf-8"),
        (b"\xef\xbb\xbf" + TABLE.encode(), "utf-8-sig"),
        (TABLE.encode("utf-16"), "utf-16"),
        (TABLE.encode("utf-16-le"), "utf-16-le"),
        (TABLE.encode("utf-16-be"), "utf-16-be"),
        (TABLE.encode("cp1252"), "cp1252"),
        (TABLE.replace(",", ";").encode(), "utf-8"),
        (TABLE.replace(",", "\t").encode("utf-16"), "utf-16"),
        (TABLE.replace("\r\n", "\n").encode(), "utf-8"),
        (TABLE.replace("\r\n", "\r").encode(), "utf-8"),
        (b"\n" + TABLE.encode(), "utf-8"),
    ],
)
def test_encoding_and_delimiter_are_found_out(import_csv, content, encoding):
    assert import_csv(content)["encoding"] == encoding
    assert set(states()) == {"ada@example.org", "eve@example.org"}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "begins: with nothing"),
        ("name,city\nAda,London\n", "names no column “email”.*begins: name, city"),
        ("email\n" + '"' + "a" * 200_000, "Line 2 can’t be read.*never closed"),
        ("email," + ",".join(["x"] * 600), "601 columns"),
        (b"email\nada@example.org\xff\x81\n", "Save the file as UTF-8"),
    ],
)
@pytest.mark.django_db(transaction=True)
def test_a_file_that_cannot_be_read_is_refused_whole(import_csv, content, sentence):
    with pytest.raises(CommandError, match=sentence):
        import_csv(content)
    assert Subscriber.objects.count() == 0


def test_a_missing_file_and_a_folder_are_refused_with_a_sentence(import_csv, tmp_path):
    with pytest.raises(CommandError, match="can’t be read: No such file"):
        import_csv(tmp_path / "nothing.csv")
    with pytest.raises(CommandError, match="is no file"):
        import_csv(tmp_path)


def test_files_and_rows_have_limits(import_csv, monkeypatch):
    monkeypatch.setattr("subscribers.csv_files.MOST_ROWS", 2)
    with pytest.raises(CommandError, match="more than 2 rows"):
        import_csv("email\na@example.org\nb@example.org\nc@example.org\n")
    monkeypatch.setattr("subscribers.csv_files.MOST_BYTES", 10)
    with pytest.raises(CommandError, match="at most 10 are read"):
        import_csv("email\nada@example.org\n")


def test_a_refused_row_keeps_its_cells_and_is_safe_in_a_spreadsheet(import_csv, tmp_path):
    content = "email,name\n=HYPERLINK(1),+49 30\nada@example.org,Ada,1,2\n@x,\tTab\n"
    report = import_csv(content, refused=3)
    assert [line for line, _ in report["first_refusals"]] == [2, 3, 4]
    with (tmp_path / "refused.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["email", "name", "reason"]
    assert rows[1][:2] == ["'=HYPERLINK(1)", "'+49 30"]
    assert "4 cells" in rows[2][2]
    assert rows[2][3:] == ["1", "2"]
    assert rows[3][:2] == ["'@x", "'\tTab"]
    assert (tmp_path / "refused.csv").stat().st_mode & 0o077 == 0


def test_a_row_refused_again_has_only_its_newest_reason(import_csv, tmp_path):
    import_csv("email\nada\n", refused=1)
    import_csv((tmp_path / "refused.csv").read_bytes(), refused=1)
    header, row = (tmp_path / "refused.csv").read_text("utf-8-sig").splitlines()
    assert header == "email,reason"
    assert next(csv.reader([row]))[0] == "ada"
    assert len(next(csv.reader([row]))) == 2


def test_the_report_names_no_address(import_csv):
    report = import_csv("email\nzoe@@example.org\n", refused=1)
    assert "zoe" not in json.dumps(report)


def test_the_number_of_queries_does_not_grow_with_the_rows(import_csv):
    def queries(rows):
        with CaptureQueriesContext(connection) as captured:
            import_csv("email\n" + "".join(f"reader{rows}-{each}@example.org\n" for each in range(rows)))
        return len([query for query in captured if "INSERT INTO staged" not in query["sql"]])

    assert queries(2) == queries(2000)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite tells its plan in these words")
def test_known_addresses_are_looked_up_in_the_index(import_csv, make_subscriber):
    """Else importing a file of 100,000 again takes hours."""
    plans = []

    def explain(execute, sql, parameters, many, context):
        if "known" in sql:
            plans.append(str(connection.connection.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()))
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(explain):
        import_csv("email\nada@example.org\n", "--dry-run")
    assert len(plans) == 2
    assert all("SEARCH known USING INDEX one_subscriber_per_address" in plan for plan in plans)


def test_the_table_of_the_report_is_for_people(tmp_path):
    output = io.StringIO()
    with pytest.raises(CommandError):
        call_command(
            "import_subscribers",
            str(FILES / "buttondown.csv"),
            "--dry-run",
            "--consent",
            CONSENT,
            "--refused",
            str(tmp_path / "refused.csv"),
            stdout=output,
        )
    lines = [" ".join(line.split()) for line in output.getvalue().splitlines()]
    assert lines[:3] == ["Buttondown, utf-8, 8 rows", "Nothing was changed: this was a dry run.", "added: active 2"]
    assert "added: complained 1" in lines
    assert "left out: not confirmed there 1" in lines
    assert "refused 1" in lines
    assert any(line.startswith("line 9: ") for line in lines)


letters = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=70)
domains = st.lists(st.text("abcxyzAZ019-", min_size=1, max_size=30), min_size=1, max_size=4).map(".".join)
tlds = st.sampled_from(
    ["org", "Com", "test", "TEST", "local", "arpa", "onion", "invalid", "localhost", "x", "museum", "c0m", "ſk"]
)
addresses = st.builds("{}@{}.{}".format, st.text("abcXYZ019.!#$%&'*+-/=?^_`{|}~\"\\ ", max_size=70), domains, tlds)


@given(st.one_of(letters, addresses, st.builds("{}@{}".format, letters, letters)))
@example("a@b.co\n")
@example("a@xn--bcher-kva.example.com")
@example("a@" + "b" * 64 + ".org")
@example("a@b.Kom")  # K is the Kelvin sign, which a pattern that ignores case may take for a k
def test_the_quick_way_takes_no_address_that_the_long_way_would_not_take_alike(text):
    try:
        expected = normalise(text)
    except BadAddress:
        expected = None
    try:
        quick = normalise_quickly(text)
    except BadAddress:
        quick = None
    assert quick == expected


def test_the_quick_way_takes_ordinary_addresses():
    for address in ("ada@example.org", "Ada.Lovelace+digest@Mail.Example.co.uk", "o'neil_1@sub-domain.example.museum"):
        assert PLAIN.fullmatch(address)


@given(st.text())
@example("'=1")
@example("''+1")
@example("'ada'")
def test_a_cell_comes_back_as_it_was_and_never_begins_like_a_formula(text):
    assert as_written(harmless(text)) == text
    assert harmless(text)[:1] not in tuple("=+-@\t\r")
