"""`triton` and `tl` for notebooks: the package where it is installed, else the simulator of `tiles`.

Without a GPU the package runs kernels in its interpreter, on the CPU. `AUTODIFF_KERNELS=tiles` takes the simulator in
any case. Checks ask the simulator, wherever they run, so they say the same everywhere.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from typing import Any

import torch

from . import tiles

tl: Any = tiles.tl
triton: Any = tiles.triton
on_gpu = False
ENGINE = (
    "Triton is not installed: a simulator of tiles runs your kernels, with the same checks for the same points. "
    "On Linux, `pip install '.[kernels]'` brings Triton."
)

found = importlib.util.find_spec("triton")
if os.environ.get("AUTODIFF_KERNELS") != "tiles" and found is not None and found.origin is not None:  # a folder of that name has none
    on_gpu = torch.cuda.is_available() and os.environ.get("TRITON_INTERPRET") != "1"
    if not on_gpu:
        os.environ["TRITON_INTERPRET"] = "1"  # before the package is imported: its own functions are kernels as well
    triton, tl = importlib.import_module("triton"), importlib.import_module("triton.language")
    ENGINE = f"Triton {triton.__version__} runs your kernels, " + (
        f"compiled for {torch.cuda.get_device_name()}." if on_gpu else "in its interpreter on the CPU, where bfloat16 is wrong."
    )

DEVICE = "cuda" if on_gpu else "cpu"
"""Where the tensors must be that a kernel is given."""
