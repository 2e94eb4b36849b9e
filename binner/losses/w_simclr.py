"""SimCLR whose negatives weigh the more, the harder they are."""

from __future__ import annotations

from math import log

from torch import Tensor
from torch.nn.functional import softplus

from binner.losses._similarity import similarities


def w_simclr(views: Tensor, *, temperature: float) -> Tensor:
    """Mean over anchors i and positives p of -log(e^s_ip / (e^s_ip + sum_n w_in e^s_in)), s = cosine / temperature.

    `views` (B, V, d), unit rows; the weight of a negative is its e^s relative to their mean, w_in = e^s_in /
    mean_k e^s_ik, and gradients flow through it. Computed as softplus(LSE_n 2 s_in - LSE_n s_in + log |N| - s_ip).
    0 where B < 2 or V < 2. With V = 2 the loss of DNABERT-S (Zhou et al. 2024).
    """
    if min(views.shape[:2]) < 2:
        return views.sum() * 0
    own, others = similarities(views, temperature=temperature)
    hard = (
        (2 * others).logsumexp(1, keepdim=True)
        - others.logsumexp(1, keepdim=True)
        + log(others.shape[1] - views.shape[1])
    )
    return softplus(hard - own).mean()
