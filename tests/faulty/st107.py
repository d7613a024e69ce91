# stitch inspect st107.py:MobileViTBlock --input 1x24x32x32
# wrong: ST107 rearrange(x, "b d (h ph) (w pw) -> b (ph pw) (h w) d", ph=4, pw=4)
from einops import rearrange
from torch import nn


class Attention(nn.Module):
    def __init__(self, dim, heads=4):
        super().__init__()
        self.heads = heads
        self.to_qkv = nn.Linear(dim, dim * 3, bias=False)
        self.to_out = nn.Linear(dim, dim)

    def forward(self, x):
        q, k, v = self.to_qkv(x).chunk(3, dim=-1)
        q, k, v = (rearrange(t, "b p n (h d) -> b p h n d", h=self.heads) for t in (q, k, v))
        x = nn.functional.scaled_dot_product_attention(q, k, v)
        return self.to_out(rearrange(x, "b p h n d -> b p n (h d)"))


class MobileViTBlock(nn.Module):
    def __init__(self, channels=24, dim=32):
        super().__init__()
        self.local = nn.Sequential(nn.Conv2d(channels, channels, 3), nn.Conv2d(channels, dim, 1))
        self.attention = Attention(dim)
        self.merge = nn.Conv2d(dim, channels, 1)

    def forward(self, x):
        x = self.local(x)
        h, w = x.shape[-2] // 4, x.shape[-1] // 4
        x = rearrange(x, "b d (h ph) (w pw) -> b (ph pw) (h w) d", ph=4, pw=4)
        x = x + self.attention(x)
        x = rearrange(x, "b (ph pw) (h w) d -> b d (h ph) (w pw)", h=h, w=w, ph=4, pw=4)
        return self.merge(x)
