"""Work on all cores."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from earmark.core.threads import on_all_cores


def blas_threads() -> list[int]:
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_results_come_in_the_order_of_the_items() -> None:
    matrices = np.random.default_rng(0).standard_normal((50, 8, 8))
    found = on_all_cores(lambda i: matrices[i] @ matrices[i], range(50))
    assert np.allclose(found, np.einsum("nij,njk->nik", matrices, matrices))
    assert on_all_cores(abs, []) == []


def test_products_take_one_thread_within_it_and_as_many_as_before_after_it() -> None:
    with threadpool_limits(2, "blas"):
        assert {count for counts in on_all_cores(lambda _: blas_threads(), range(4)) for count in counts} <= {1}
        with ThreadPoolExecutor(4) as callers:  # that call it at the same time
            list(callers.map(lambda _: on_all_cores(lambda _: blas_threads(), range(3)), range(8)))
        assert set(blas_threads()) <= {2}


def test_work_is_done_in_other_threads_and_its_error_is_raised() -> None:
    assert threading.get_ident() not in on_all_cores(lambda _: threading.get_ident(), range(4))

    def fails(item: int) -> None:
        raise ValueError(f"item {item}")

    with pytest.raises(ValueError, match="item 0"):
        on_all_cores(fails, range(3))
    assert on_all_cores(abs, [-1]) == [1]
