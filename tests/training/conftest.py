import cv2
import numpy as np
import pytest


@pytest.fixture
def few_pictures(tmp_path):
    """A folder as the measuring assets have it, with two paintings of noise."""
    folder = tmp_path / "few"
    for kind in ("masters", "monet"):
        (folder / "pictures" / kind).mkdir(parents=True)
    random = np.random.default_rng(2)
    for number in range(2):
        noise = cv2.resize(random.integers(0, 255, (20, 20, 3), np.uint8), (80, 80), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / "pictures" / "masters" / f"{number}.jpg"), noise)
    return folder
