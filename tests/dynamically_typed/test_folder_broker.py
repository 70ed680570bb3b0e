"""The broker that needs no server, with the producer in a process of its own, as the web server is."""

import multiprocessing
import time
from queue import Empty

from dynamically_typed.celery import app

MESSAGES = 3000
LONGEST = 60  # seconds


def channel_of(folder):
    options = {"data_folder_in": folder, "data_folder_out": folder, "control_folder": f"{folder}/control"}
    return app.connection("filesystem://", transport_options=options).default_channel


def put_messages(folder):
    channel = channel_of(folder)
    for number in range(MESSAGES):
        channel._put("celery", {"number": number})
        time.sleep(0.0002)  # lets the reader look for the next one while it is being written


def test_a_worker_that_never_stops_looking_gets_each_message_whole(tmp_path):
    producer = multiprocessing.get_context("spawn").Process(target=put_messages, args=(str(tmp_path),))
    producer.start()
    channel, got, deadline = channel_of(str(tmp_path)), [], time.monotonic() + LONGEST
    while len(got) < MESSAGES and time.monotonic() < deadline:
        try:
            got.append(channel._get("celery")["number"])
        except Empty:
            continue
    producer.join()
    assert sorted(got) == list(range(MESSAGES))
    assert not [path for path in tmp_path.iterdir() if path.is_file()]
