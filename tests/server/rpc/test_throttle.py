import pytest

from impasto.server.rpc.throttle import BURST, Throttle


def test_a_user_sends_at_the_rate_after_a_burst_and_others_are_not_held_up():
    now, slept = [100.0], []

    def sleep(seconds):
        slept.append(seconds)
        now[0] += seconds

    throttle = Throttle(1000, lambda: now[0], sleep)
    for _ in range(30):
        throttle.take("ann", 100)
    assert sum(slept) == pytest.approx(3.0 - BURST)
    slept.clear()
    throttle.take("ben", 500)
    assert slept == []
    now[0] += 60
    throttle.take("ann", 1000)
    assert slept == []


def test_no_rate_is_no_limit():
    Throttle(0, lambda: 0.0, lambda seconds: 1 / 0).take("ann", 1 << 40)
