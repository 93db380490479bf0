import threading

import pytest

from impasto.client import FilesSent, JobFailed
from impasto.client.sending import Sending


def pieces(*gates):
    for number, gate in enumerate(gates, 1):
        gate.wait(10)
        yield FilesSent(sent_bytes=number, total_bytes=len(gates))


def test_what_was_sent_is_told_once_and_never_waited_for():
    gates = [threading.Event() for _ in range(2)]
    sending = Sending(pieces(*gates))
    assert list(sending.news()) == []
    for gate in gates:
        gate.set()
    assert [told.sent_bytes for told in sending.last_news()] == [1, 2]
    assert list(sending.news()) == []


def test_after_stop_no_further_piece_is_sent():
    gates = [threading.Event() for _ in range(2)]
    sending = Sending(pieces(*gates))
    sending.stop()
    for gate in gates:
        gate.set()
    assert [told.sent_bytes for told in sending.last_news()] == [1]


def test_what_ends_the_sending_is_raised_where_news_are_asked_for():
    def broken():
        yield FilesSent(sent_bytes=1, total_bytes=2)
        raise JobFailed("it broke", reason="UPLOAD_BROKEN")

    news = Sending(broken()).last_news()
    assert next(news).sent_bytes == 1
    with pytest.raises(JobFailed, match="it broke"):
        next(news)
