"""Networks in ONNX files, run by onnxruntime on one thread of the processor."""

from __future__ import annotations

import importlib
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from earmark.core.errors import EarmarkError


class OnnxNetwork:
    """A network with one output, read when it is first run. Several threads may run it at once.

    Parameters
    ----------
    path : Path
        An ``.onnx`` or ``.ort`` file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._loading = Lock()
        self._session: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}  # another process reads the file itself

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["path"])  # type: ignore[misc]

    def __call__(self, **inputs: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """The output for inputs by name.

        Raises
        ------
        EarmarkError
            If onnxruntime is missing, or the network can't be read or run.
        """
        try:
            output: npt.NDArray[np.float32] = self._loaded().run(None, inputs)[0]
        except EarmarkError:
            raise
        except Exception as error:  # onnxruntime's own exceptions have no base of their own
            raise EarmarkError(
                f"The network in {self.path} can't be run ({' '.join(str(error).split())[:200]})."
            ) from None
        return output

    def _loaded(self) -> Any:
        with self._loading:
            if self._session is None:
                self._session = _session(self.path)
            return self._session


def _session(path: Path) -> Any:
    try:
        runtime: Any = importlib.import_module("onnxruntime")
    except ImportError as error:
        raise EarmarkError(
            f"Networks in ONNX files need the library onnxruntime ({error}): install it with "
            "pip install 'earmark[features]'."
        ) from None
    options = runtime.SessionOptions()
    # Utterances are computed side by side, which is faster than several threads for one of them.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # an error is raised as ours, not logged
    return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
