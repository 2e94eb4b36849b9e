"""InfoNCE with several positives, each in a softmax of its own against the negatives."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus

from binner.losses._similarity import similarities, weighted


def multi_positive(views: Tensor, *, temperature: float, weight: Tensor | None = None) -> Tensor:
    """Mean over anchors i and positives p of log(1 + sum_n w_in exp(s_in - s_ip)), s = cosine / temperature.

    `views` (B, V, d), unit rows; positives are the other views of the same thing, negatives all views of other things,
    which count by the `weight` (B, B) of the two things, 1 without. Computed as softplus(LSE_n (s_in + log w_in) -
    s_ip). 0 where there is nothing to tell apart (B < 2) or nothing to join (V < 2). The loss of COMEBin (Wang et al.
    2024); with V = 2 that of SimCLR (Chen et al. 2020).
    """
    if min(views.shape[:2]) < 2:
        return views.sum() * 0
    own, others = similarities(views, temperature=temperature)
    others = weighted(others, weight, per_thing=views.shape[1])
    return softplus(others.logsumexp(1, keepdim=True) - own).mean()
