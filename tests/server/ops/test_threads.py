import torch

from impasto.server.ops.threads import THREADS, fixed_threads


def test_threads_are_fixed_inside_and_put_back_after():
    before = torch.get_num_threads()
    with fixed_threads():
        assert torch.get_num_threads() == THREADS
    assert torch.get_num_threads() == before
