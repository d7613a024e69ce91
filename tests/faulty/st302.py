# stitch inspect st302.py:Whitening --input 1x32x16
# wrong: ST302 -
import torch
from torch import nn


class Whitening(nn.Module):
    def __init__(self, features=16):
        super().__init__()
        self.proj = nn.Linear(features, features)

    def forward(self, x):
        x = self.proj(x)
        covariance = x.transpose(1, 2) @ x / x.shape[1]
        return x @ torch.linalg.inv(covariance)
