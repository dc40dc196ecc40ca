# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""`make soak`, for a short time: whatever happens, in any order, the books are equal at the end."""

import pytest
from soak import Soak

STEPS = 8
# One with much of what there is; what an earlier one has found stays
SEEDS = [13793]


@pytest.mark.parametrize("seed", SEEDS)
def test_soak(log_dir, devices, kernel, seed):
    """Some steps, always the same ones."""
    soak = Soak.of_kernel(log_dir, devices, kernel, seed)
    try:
        soak.run(steps=STEPS)
    finally:
        soak.stop()
