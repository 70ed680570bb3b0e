import pytest


@pytest.fixture
def picture(settings):
    settings.MEDIA_ROOT.mkdir()
    (settings.MEDIA_ROOT / "figure.png").write_bytes(b"picture")


def test_an_uploaded_picture_can_be_seen(client, picture):
    answer = client.get("/media/figure.png")
    assert b"".join(answer.streaming_content) == b"picture"
    assert answer.headers["Content-Type"] == "image/png"


@pytest.mark.parametrize("address", ["/media/", "/media/other.png", "/media/../db.sqlite3", "/media/%2e%2e/db.sqlite3"])
def test_nothing_but_pictures_can_be_had_from_their_folder(client, db, settings, picture, caplog, address):
    (settings.MEDIA_ROOT.parent / "db.sqlite3").write_text("secret")
    assert client.get(address).status_code == 404
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize(
    "address",
    [
        "/topics/a%00b/",
        "/topics/a+b%00/feed.atom",
        "/api/v1/topics/a%00b",
        "/api/v1/stories?topic=%00",
        "/search/?q=%00",
        "/media/%00.png",
    ],
)
def test_an_address_with_a_nul_is_refused_before_a_database_chokes_on_it(client, db, caplog, address):
    answer = client.get(address)
    assert answer.status_code == 400
    assert "Content-Security-Policy" in answer.headers
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
