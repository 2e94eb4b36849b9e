"""InfoNCE with several positives, each in a softmax of its own against the negatives."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus

from binner.losses._similarity import similarities


def multi_positive(views: Tensor, *, temperature: float) -> Tensor:
    """Mean over anchors i and positives p of log(1 + sum_n exp(s_in - s_ip)), s = cosine / temperature.

    `views` (B, V, d), unit rows; positives are the other views of the same thing, negatives all views of other things.
    Computed as softplus(LSE_n s_in - s_ip). 0 where there is nothing to tell apart (B < 2) or nothing to join (V < 2).
    The loss of COMEBin (Wang et al. 2024).
    """
    if min(views.shape[:2]) < 2:
        return views.sum() * 0
    own, others = similarities(views, temperature=temperature)
    return softplus(others.logsumexp(1, keepdim=True) - own).mean()
