"""Costs: beta by hand, and what can't be used."""

from __future__ import annotations

import doctest

import pytest

from earmark.core import costs
from earmark.core.costs import NIST, PUBLISHED, Costs, read_costs
from earmark.core.errors import EarmarkError


def test_beta_by_hand() -> None:
    assert NIST.beta == pytest.approx(0.1 * 9999)
    # 1/10 of (1 / 0.0278 - 1), which is 34.97
    assert PUBLISHED["san2021"].beta == pytest.approx(3.497, abs=1e-3)
    assert PUBLISHED["quesst2014"].beta == pytest.approx(12.49)


def test_the_effective_prior_of_quesst_is_the_one_that_its_tool_is_given() -> None:
    # 100 * 0.0008 / (100 * 0.0008 + 1 * 0.9992)
    assert PUBLISHED["quesst2014"].effective_prior == pytest.approx(0.0741289, abs=1e-7)


def test_costs_by_name_or_in_figures() -> None:
    assert read_costs("nist") is NIST
    assert read_costs("10, 1, 0.0278") == PUBLISHED["san2021"]
    for wrong in ("bist", "1,2", "1,2,x"):
        with pytest.raises(EarmarkError, match=r"There are no costs '.*': choose from nist, quesst2014, san2021, or"):
            read_costs(wrong)


@pytest.mark.parametrize("wrong", [(0, 1, 0.5), (1, -1, 0.5), (1, 1, 0), (1, 1, 1), (1, 1, float("nan"))])
def test_costs_that_mean_nothing_are_refused(wrong: tuple[float, float, float]) -> None:
    with pytest.raises(EarmarkError, match="give two costs above 0 and a prior between 0 and 1"):
        Costs(*wrong)


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(costs).failed == 0
