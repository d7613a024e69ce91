# stitch inspect spans_lstm.py:Tagger --input 1x5:int64
# wrong: ST101 hidden
from torch import nn


class Tagger(nn.Module):
    def __init__(self, vocab=100, dim=32, hidden=48, tags=7):
        super().__init__()
        self.embed = nn.Embedding(vocab, dim)
        self.rnn = nn.LSTM(dim, hidden, num_layers=2, bidirectional=True, batch_first=True)
        self.out = nn.Linear(hidden, tags)

    def forward(self, tokens):
        x, _ = self.rnn(self.embed(tokens))
        return self.out(x)
