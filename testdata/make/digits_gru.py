#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make digits_gru.onnx: a bidirectional GRU that reads the 8 rows of a digit."""
import torch
from torch import nn

import common


class Net(nn.Module):
    def __init__(self, width=48):
        super().__init__()
        self.gru = nn.GRU(8, width, batch_first=True, bidirectional=True)
        self.head = nn.Linear(2 * width, 10)

    def forward(self, rows):
        _, last = self.gru(rows)
        return self.head(torch.cat([last[0], last[1]], 1))


def main():
    common.setup(2)
    x, y, x_test, y_test = common.digits()
    common.save("digits_gru", "calib", rows=x[::21][:64])
    common.save("digits_gru", "eval", rows=x_test, labels=y_test)
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    net = Net()

    def epoch():
        for a, b in common.shuffled(x, y, 64):
            yield common.jitter_digits(a), b

    common.fit(net, epoch, 80, 5e-3, nn.CrossEntropyLoss(label_smoothing=0.05))
    common.export(net, "digits_gru", torch.zeros(1, 8, 8), "rows", "scores", [{0: "N"}] * 2, 14,
                  "8x8 digit classifier that reads the rows as a sequence, "
                  "trained on scikit-learn's digits")


if __name__ == "__main__":
    main()
    import check
    check.check("digits_gru")
