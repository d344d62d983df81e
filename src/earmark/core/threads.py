"""Work of NumPy on all cores, in threads: it computes without Python's lock."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

from threadpoolctl import ThreadpoolController

Item = TypeVar("Item")
Result = TypeVar("Result")

_busy = threading.Lock()  # several at once would compete for the same cores


def on_all_cores(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """The results of a function that is called with each item, in their order.

    Matrix products within it take one thread each. Else every one of them would start as many as there are cores and
    wait for all, which on a busy machine takes ten times as long.

    Parameters
    ----------
    work : callable
        It must not call this function itself.
    items : iterable
    """
    process = os.getpid()  # threads don't outlive a fork
    with _busy, _blas(process).limit(limits=1):
        return list(_pool(process).map(work, items))


@lru_cache(maxsize=1)
def _pool(process: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="earmark-cores")


@lru_cache(maxsize=1)
def _blas(process: int) -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")
