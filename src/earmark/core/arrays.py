"""Types of NumPy arrays by what they hold; their shapes are said where they are used."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]  # of any precision
Double = npt.NDArray[np.float64]
Single = npt.NDArray[np.float32]
Half = npt.NDArray[np.float16]
Ints = npt.NDArray[np.integer]  # of any width
Bools = npt.NDArray[np.bool_]
