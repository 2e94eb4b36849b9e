"""SimCLR whose negatives weigh the more, the harder they are."""

from __future__ import annotations

from math import log

from torch import Tensor
from torch.nn.functional import softplus

from binner.losses._similarity import similarities, weighted


def w_simclr(views: Tensor, *, temperature: float, weight: Tensor | None = None) -> Tensor:
    """Mean over anchors i and positives p of -log(e^s_ip / (e^s_ip + sum_n h_in w_in e^s_in)), s = cosine / T.

    T is the temperature. `views` (B, V, d), unit rows; the hardness of a negative is its e^s relative to their mean,
    h_in = e^s_in / mean_k e^s_ik, and gradients flow through it; w is the `weight` (B, B) of the two things, 1 without.
    Computed as softplus(LSE_n (2 s_in + log w_in) - LSE_n s_in + log |N| - s_ip). 0 where B < 2 or V < 2. With V = 2
    and without weights the loss of DNABERT-S (Zhou et al. 2024).
    """
    if min(views.shape[:2]) < 2:
        return views.sum() * 0
    own, others = similarities(views, temperature=temperature)
    hard = (
        weighted(2 * others, weight, per_thing=views.shape[1]).logsumexp(1, keepdim=True)
        - others.logsumexp(1, keepdim=True)
        + log(others.shape[1] - views.shape[1])
    )
    return softplus(hard - own).mean()
