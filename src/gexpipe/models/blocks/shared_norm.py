"""Batch statistics of several processes that share a batch: those of the whole batch."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributed import get_world_size, is_available, is_initialized
from torch.distributed.nn.functional import all_reduce

__all__ = ["share_batch_norm", "shared_sum"]


def shared_sum(values: Tensor) -> Tensor:
    """Sum over the processes of a run, through which gradients flow; of one process, the values."""
    if not (is_available() and is_initialized()) or get_world_size() == 1:
        return values
    total: Tensor = all_reduce(values.clone())
    return total


class _SharedNorm(nn.modules.batchnorm._BatchNorm):
    """Batch norm over the genes of all processes, on CPUs too, which torch's own is not for."""

    def _check_input_dim(self, input: Tensor) -> None:
        pass  # as the class it stands for, which has been called before

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        x = input.to(torch.promote_types(input.dtype, torch.float32))
        others = [axis for axis in range(x.ndim) if axis != 1]
        along = [1, -1] + [1] * (x.ndim - 2)
        count = shared_sum(torch.tensor(float(x.numel() // x.shape[1]), device=x.device))
        center = shared_sum(x.sum(others)) / count
        x = x - center.view(along)
        spread = shared_sum(x.square().sum(others)) / count
        self._track(center.detach(), spread.detach() * count / (count - 1))
        x = x * torch.rsqrt(spread + self.eps).view(along)
        if self.affine:
            x = x * self.weight.view(along) + self.bias.view(along)
        return x.to(input.dtype)

    @torch.no_grad()
    def _track(self, mean: Tensor, variance: Tensor) -> None:
        if self.running_mean is None or self.running_var is None:
            return
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        rate = self.momentum
        if rate is None:  # torch's cumulative average
            rate = 1 / float(self.num_batches_tracked)
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), rate)
        self.running_var.lerp_(variance.to(self.running_var.dtype), rate)


def share_batch_norm(model: nn.Module) -> None:
    """Let torch's batch norms of a model share their statistics; parameters and names stay."""
    plain = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
    for module in model.modules():
        if type(module) in plain:
            module.__class__ = _SharedNorm
