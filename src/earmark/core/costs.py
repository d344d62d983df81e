"""What a miss and a false alarm cost, and how rare a word is: the three numbers that every term-weighted value needs.

Two values of unequal costs can't be compared, so results always state all three.
"""

from __future__ import annotations

from dataclasses import dataclass

from earmark.core.errors import EarmarkError


@dataclass(frozen=True)
class Costs:
    """Costs of the two errors, and the prior probability of a term.

    Attributes
    ----------
    miss, false_alarm : float
        Cost of an occurrence that is not found, and of a detection where there is none; only their ratio matters.
    prior : float
        Probability that a term is spoken in one trial, between 0 and 1.
    """

    miss: float
    false_alarm: float
    prior: float

    def __post_init__(self) -> None:
        if not (self.miss > 0 and self.false_alarm > 0 and 0 < self.prior < 1):
            raise EarmarkError(
                f"Costs of {self.miss:g} and {self.false_alarm:g} with a prior of {self.prior:g} can't be used: give "
                "two costs above 0 and a prior between 0 and 1."
            )

    @property
    def beta(self) -> float:
        """Weight of the false alarm rate: (C_fa / C_miss) (1 / prior - 1) (Fiscus et al. 2007, equation 4).

        >>> round(PUBLISHED["nist"].beta, 1)
        999.9
        """
        return self.false_alarm / self.miss * (1 / self.prior - 1)

    @property
    def effective_prior(self) -> float:
        """The prior at which equal costs lead to the same decisions: 1 / (1 + beta)."""
        return 1 / (1 + self.beta)


PUBLISHED = {
    "nist": Costs(miss=1.0, false_alarm=0.1, prior=1e-4),  # NIST Spoken Term Detection 2006, OpenKWS
    "quesst2014": Costs(miss=100.0, false_alarm=1.0, prior=8e-4),  # MediaEval QUESST 2014 and 2015
    "san2021": Costs(miss=10.0, false_alarm=1.0, prior=0.0278),  # San et al. (2021)
}
NIST = PUBLISHED["nist"]


def read_costs(text: str) -> Costs:
    """Costs by the name of the protocol that published them, or as ``MISS,FALSE_ALARM,PRIOR``.

    >>> read_costs("10,1,0.0278") == read_costs("san2021")
    True

    Raises
    ------
    EarmarkError
        If it is neither.
    """
    if text in PUBLISHED:
        return PUBLISHED[text]
    try:
        miss, false_alarm, prior = map(float, text.split(","))
    except ValueError as error:
        raise EarmarkError(
            f"There are no costs {text!r}: choose from {', '.join(PUBLISHED)}, or give the cost of a miss, the cost of "
            "a false alarm and the prior, such as 1,0.1,0.0001."
        ) from error
    return Costs(miss, false_alarm, prior)
