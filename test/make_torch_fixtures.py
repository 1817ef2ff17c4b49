"""Write test/data/torch: files of torch's own making, and what torch says is in them.

Run by hand where torch is installed: ``python test/make_torch_fixtures.py``. The files are
committed, so that the tests need no torch.
"""

import pathlib
import warnings

import numpy as np
import torch
from torch import nn
from torch.nn import functional

FOLDER = pathlib.Path(__file__).parent / "data" / "torch"
WIDTH = 4
SHAPES = ((13, 18), (9, 7))  # neither axis a multiple of 4


def two_convolutions(before, after, norm):
    if norm == "weightnorm":
        return nn.Sequential(
            nn.utils.weight_norm(nn.Conv2d(before, after, 3, padding=1)),
            nn.ReLU(),
            nn.utils.weight_norm(nn.Conv2d(after, after, 3, padding=1)),
            nn.ReLU(),
        )
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=1),
        nn.BatchNorm2d(after),
        nn.ReLU(),
        nn.Conv2d(after, after, 3, padding=1),
        nn.BatchNorm2d(after),
        nn.ReLU(),
    )


def nested(name, module):
    return nn.ModuleDict({name: module})


class Net(nn.Module):
    """A U-Net whose arrays are named as deepCR's."""

    def __init__(self, channels, norm):
        super().__init__()
        convolutions = {
            key: nested("conv", two_convolutions(before, after, norm))
            for key, before, after in (
                ("inc", channels, WIDTH),
                ("down1", WIDTH, 2 * WIDTH),
                ("up8", 2 * WIDTH, WIDTH),
            )
        }
        self.inc = nested("conv", convolutions["inc"])
        self.down1 = nested("mpconv", nn.Sequential(nn.MaxPool2d(2), convolutions["down1"]))
        self.up8 = nn.ModuleDict(
            {"up": nn.ConvTranspose2d(2 * WIDTH, WIDTH, 2, stride=2), "conv": convolutions["up8"]}
        )
        self.outc = nested("conv", nn.Conv2d(WIDTH, 1, 1))

    def forward(self, x):
        skip = self.inc["conv"]["conv"](x)
        pooled = self.down1["mpconv"][0](skip)
        deep = self.down1["mpconv"][1]["conv"](pooled)
        up = self.up8["up"](deep)
        return self.outc["conv"](self.up8["conv"]["conv"](torch.cat([skip, up], 1)))


def random_net(channels, norm):
    net = Net(channels, norm).eval()
    for name, values in net.state_dict().items():
        if name.endswith(("running_var", "weight_g")):
            values.uniform_(0.5, 2.0)
        elif values.dtype.is_floating_point:
            values.add_(0.2 * torch.randn_like(values))
    return net


def padded(image):
    y, x = (-n % 4 for n in image.shape)
    return functional.pad(image, (x, 0, y, 0)), (y, x)


def run(net, image, mask=None):
    image, (y, x) = padded(image)
    planes = [image]
    if mask is not None:
        mask = padded(mask)[0]
        planes = [image * (1 - mask), mask]
    with torch.no_grad():
        output = net(torch.stack(planes)[None])
    output = output if mask is not None else torch.sigmoid(output)
    return output[0, 0, y:, x:]


def write(name, content):
    for container in ("legacy", "zip"):
        is_zip = container == "zip"
        path = FOLDER / f"{name}-{container}.pth"
        torch.save(content, path, _use_new_zipfile_serialization=is_zip)


def write_nets():
    nets = {
        "batchnorm": random_net(1, "batchnorm"),
        "weightnorm": random_net(1, "weightnorm"),
        "inpaint": random_net(2, "batchnorm"),
    }
    truth = {}
    for i, shape in enumerate(SHAPES):
        image = 3 * torch.randn(shape) + 50 * (torch.rand(shape) > 0.95)
        mask = (torch.rand(shape) > 0.9).float()
        normalized = (image - image.mean()) / image.std(correction=0)
        truth |= {f"image_{i}": image, f"mask_{i}": mask}
        truth[f"batchnorm_{i}"] = run(nets["batchnorm"], image)
        truth[f"weightnorm_{i}"] = run(nets["weightnorm"], normalized)
        truth[f"inpaint_{i}"] = run(nets["inpaint"], image, mask)
    for name, net in nets.items():
        write(name, {f"module.{key}": values for key, values in net.state_dict().items()})
    np.savez(FOLDER / "outputs.npz", **{key: value.numpy() for key, value in truth.items()})


def write_tensors():
    dtypes = {
        str(dtype).removeprefix("torch."): torch.tensor([[0, 1, 2], [3, 100, 7]]).to(dtype)
        for dtype in (
            *(torch.float32, torch.float64, torch.float16, torch.bfloat16),
            *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool),
            *(torch.complex64, torch.complex128),
        )
    }
    base = torch.arange(24, dtype=torch.float32)
    views = {
        "base": base,
        "tied": base,
        "turned": base.view(4, 6).t(),
        "every_third": base[5:17:3],
        "inner": base.view(2, 3, 4)[:, 1],
        "channels_last": torch.arange(60.0).view(1, 3, 4, 5).to(memory_format=torch.channels_last),
        "scalar": torch.tensor(2.5),
        "true": torch.tensor(True),
        "empty": torch.zeros(0, 3),
        "parameter": nn.Parameter(torch.arange(4.0)),
    }
    net = nn.Linear(3, 2)
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    write("dtypes", dtypes)
    write("views", views)
    write(
        "checkpoint",
        {
            "epoch": 3,
            "loss": [0.5, None],
            "model_state_dict": nn.DataParallel(net).state_dict(),
            "optimizer": optimizer.state_dict(),
        },
    )
    files = {"dtypes": dtypes, "views": views, "checkpoint": net.state_dict()}
    np.savez(
        FOLDER / "values.npz",
        **{f"{file}/{name}": plain(x) for file, xs in files.items() for name, x in xs.items()},
    )


def plain(tensor):
    tensor = tensor.detach()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()


if __name__ == "__main__":
    warnings.filterwarnings("ignore", category=FutureWarning)  # weight_norm: deepCR's, deprecated
    torch.manual_seed(20190725)
    FOLDER.mkdir(parents=True, exist_ok=True)
    write_nets()
    write_tensors()
