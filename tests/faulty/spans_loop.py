# stitch inspect spans_loop.py:Autoencoder --input 1x3x64x64
# wrong: ST101 channels[i]
from torch import nn


class Autoencoder(nn.Module):
    def __init__(self, channels=(3, 16, 32, 64)):
        super().__init__()
        self.encoder, self.decoder = nn.ModuleList(), nn.ModuleList()
        for i in range(len(channels) - 1):
            self.encoder.append(nn.Conv2d(channels[i], channels[i + 1], 3, stride=2, padding=1))
        for i in range(len(channels) - 1, 0, -1):
            self.decoder.append(nn.ConvTranspose2d(channels[i], channels[i - 1], 2, stride=2))
        self.refine = nn.Conv2d(channels[i], channels[0], 3, padding=1)

    def forward(self, x):
        for layer in self.encoder:
            x = layer(x).relu()
        for layer in self.decoder:
            x = layer(x)
        return self.refine(x)
