import threading

import pytest

from impasto.server.jobs.results.behind import Behind


def test_work_is_done_in_order_and_all_of_it_by_the_end():
    done: list[int] = []
    with Behind() as behind:
        for piece in range(7):
            behind.put(lambda piece=piece: done.append(piece))  # type: ignore[misc]
    assert done == list(range(7))


def test_the_caller_waits_while_two_pieces_wait():
    go, begun = threading.Event(), []
    with Behind() as behind:
        behind.put(go.wait)  # type: ignore[arg-type]
        behind.put(lambda: begun.append(2))
        third = threading.Thread(target=lambda: behind.put(lambda: begun.append(3)))
        third.start()
        third.join(0.05)
        assert third.is_alive()
        go.set()
        third.join()
    assert begun == [2, 3]


def test_what_a_piece_raises_is_raised_to_the_caller():
    def fails() -> None:
        raise OSError("full")

    with pytest.raises(OSError, match="full"), Behind() as behind:
        behind.put(fails)


def test_after_an_error_of_the_caller_nothing_more_is_begun():
    go, done = threading.Event(), []
    with pytest.raises(KeyError), Behind() as behind:  # noqa: PT012
        behind.put(go.wait)  # type: ignore[arg-type]
        behind.put(lambda: done.append(1))
        threading.Timer(0.05, go.set).start()
        raise KeyError
    assert done == []
