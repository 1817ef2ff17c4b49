"""deepCR's networks, converted: the header says all that is needed to run them.

The judge is a plain float64 evaluation of the header's nodes; it knows the language of the
nodes, not deepCR.
"""

import json

import numpy as np
import pytest

from desinn.io.deepcr import convert_deepcr, is_deepcr
from desinn.io.torch import read_state_dict
from helpers.naive import run


@pytest.fixture(name="files", scope="session")
def torch_files(data):
    return data / "torch"


@pytest.fixture(scope="module")
def outputs(files):
    with np.load(files / "outputs.npz") as file:
        return dict(file)


@pytest.fixture
def state(files):
    return read_state_dict(files / "batchnorm-legacy.pth")


# The numbers.


@pytest.mark.parametrize("image", [0, 1])
@pytest.mark.parametrize(
    ("net", "normalize"), [("batchnorm", "none"), ("weightnorm", "mean-std"), ("inpaint", "none")]
)
def test_equals_torch(files, outputs, net, normalize, image):
    state = read_state_dict(files / f"{net}-zip.pth")
    header, arrays = convert_deepcr(state, net, normalize=normalize)
    mask = outputs[f"mask_{image}"] if net == "inpaint" else None
    found = run(header, arrays, outputs[f"image_{image}"], mask)
    expected = outputs[f"{net}_{image}"]
    assert found.shape == expected.shape
    assert np.ptp(expected) > 0.05  # else anything would do
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_scale_divides_the_image(state, outputs):
    header, arrays = convert_deepcr(state, "net", scale=100)
    found = run(header, arrays, 100 * outputs["image_0"])
    np.testing.assert_allclose(found, outputs["batchnorm_0"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", ["33x50", "300x217"])
@pytest.mark.parametrize("scene", ["fiber", "star"])
@pytest.mark.parametrize("net", ["ACS-WFC", "decam"])
def test_published_nets(reference, net, scene, shape):
    folder = reference / "cosmics"
    with np.load(folder / f"deepcr-mask-{net}.npz") as file:
        header, arrays = convert_deepcr(dict(file), net)
    image = np.load(folder / f"{scene}_{shape}_in.npy")
    expected = np.load(folder / f"{scene}_{shape}_{net}_prob.npy")
    found = run(header, arrays, image)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    threshold = header["interpret"]["threshold"]
    np.testing.assert_array_equal(found > threshold, expected > threshold)


def test_published_inpainting_net(reference):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    folder = reference / "cosmics"
    with np.load(folder / "deepcr-inpaint-ACS-WFC-F606W-2-32.npz") as file:
        state = dict(file)
    header, arrays = convert_deepcr(state, "inpaint")
    image = np.load(folder / "fiber_33x50_in.npy")
    mask = (np.load(folder / "fiber_33x50_ACS-WFC_prob.npy") > 0.5).astype("f8")
    assert mask.any()
    planes = np.pad(np.stack([image * (1 - mask), mask]), ((0, 0), (3, 0), (2, 0)))
    expected = torch_unet(torch, state, planes[None])[0, 0, 3:, 2:]
    found = run(header, arrays, image, mask)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())


def torch_unet(torch, state, x):
    """Run deepCR's layers in torch, in float64, without the last sigmoid."""
    functional = torch.nn.functional
    state = {key: torch.from_numpy(value).double() for key, value in state.items()}

    def twice(name, x):
        for i in (0, 3):
            x = functional.conv2d(
                x, state[f"{name}.{i}.weight"], state[f"{name}.{i}.bias"], padding=1
            )
            keys = ("running_mean", "running_var", "weight", "bias")
            x = functional.batch_norm(x, *(state[f"{name}.{i + 1}.{key}"] for key in keys))
            x = torch.relu(x)
        return x

    skip = twice("inc.conv.conv", torch.from_numpy(x).double())
    deep = twice("down1.mpconv.1.conv", functional.max_pool2d(skip, 2))
    up = functional.conv_transpose2d(deep, state["up8.up.weight"], state["up8.up.bias"], stride=2)
    x = twice("up8.conv.conv", torch.cat([skip, up], 1))
    return functional.conv2d(x, state["outc.conv.weight"], state["outc.conv.bias"]).numpy()


# The header.


def test_header_of_a_mask_net(state):
    header, arrays = convert_deepcr(state, "mine")
    assert json.loads(json.dumps(header)) == header
    assert header["format_version"] == 1
    assert (header["kind"], header["name"]) == ("cosmics", "mine")
    assert header["inputs"] == [{"name": "x", "shape": [None, None, 1]}]
    assert header["outputs"] == {"probability": "outc_sigmoid"}
    assert header["interpret"] == {"threshold": 0.5}
    assert header["prepare"] == {
        "scale": 1.0,
        "normalize": "none",
        "pad_multiple": 4,
        "pad_side": "low",
        "pad_value": 0.0,
        "channels": ["image"],
    }
    assert header["provenance"] == {
        "converted_from": "deepCR",
        "variant": "mask-2-4-batch-norm",
    }
    nodes = {node["name"]: node for node in header["nodes"]}
    assert nodes["up8_concat"]["inputs"] == ["inc_relu_2", "up8_up"]
    assert nodes["down1_bn_2"]["epsilon"] == 1e-5
    assert {array.dtype.str for array in arrays.values()} == {"<f4"}
    assert all(array.flags.c_contiguous for array in arrays.values())
    assert arrays["up8_up/kernel"].shape == (2, 2, 8, 4)
    assert {key.split("/")[0] for key in arrays} <= set(nodes)


def test_header_of_an_inpainting_net(files):
    header, _ = convert_deepcr(read_state_dict(files / "inpaint-legacy.pth"), "inpaint")
    assert header["inputs"] == [{"name": "x", "shape": [None, None, 2]}]
    assert header["outputs"] == {"image": "outc_conv"}
    assert header["prepare"]["channels"] == ["image outside mask", "mask"]
    assert header["interpret"] == {}
    assert header["provenance"]["variant"] == "inpaint-2-4-batch-norm"


def test_header_of_a_net_with_weight_norm(files):
    header, arrays = convert_deepcr(read_state_dict(files / "weightnorm-legacy.pth"), "any")
    assert header["provenance"]["variant"] == "mask-2-4-weight-norm"
    assert "batch_norm" not in {node["op"] for node in header["nodes"]}
    weighted = {node["name"] for node in header["nodes"] if node.get("weight_norm")}
    assert weighted == {f"{block}_conv_{i}" for block in ("inc", "down1", "up8") for i in (1, 2)}
    assert arrays["down1_conv_1/direction"].shape == (3, 3, 4, 8)
    assert arrays["down1_conv_1/gain"].shape == (8,)


@pytest.mark.parametrize(
    ("name", "given", "scale", "normalize"),
    [
        ("ACS-WFC", {}, 1.0, "none"),
        ("deepcr-WFC3-UVIS", {}, 1.0, "mean-std"),
        ("example_model", {}, 100.0, "none"),
        ("example_model", {"scale": 2}, 2.0, "none"),
        ("WFC3-UVIS", {"normalize": "none"}, 1.0, "none"),
    ],
)
def test_prepare_follows_the_name_unless_given(state, name, given, scale, normalize):
    prepare = convert_deepcr(state, name, **given)[0]["prepare"]
    assert (prepare["scale"], prepare["normalize"]) == (scale, normalize)


def test_three_levels(state):
    deeper = {key: value for key, value in state.items() if not key.startswith("down1")}
    ones = {"weight": 1, "bias": 1, "running_mean": 1, "running_var": 1}
    blocks = (("down1.mpconv.1", 4, 8), ("down2.mpconv.1", 8, 16), ("up7.conv", 16, 8))
    for block, before, after in blocks:
        for i, width in ((0, before), (3, after)):
            deeper[f"{block}.conv.{i}.weight"] = np.ones((after, width, 3, 3))
            deeper[f"{block}.conv.{i}.bias"] = np.ones(after)
            deeper |= {f"{block}.conv.{i + 1}.{key}": np.ones(after) for key in ones}
    deeper |= {"up7.up.weight": np.ones((16, 8, 2, 2)), "up7.up.bias": np.ones(8)}
    header, arrays = convert_deepcr(deeper, "three")
    assert header["provenance"]["variant"] == "mask-3-4-batch-norm"
    concats = {node["name"]: node["inputs"] for node in header["nodes"] if node["op"] == "concat"}
    assert concats == {
        "up7_concat": ["down1_relu_2", "up7_up"],
        "up8_concat": ["inc_relu_2", "up8_up"],
    }
    assert run(header, arrays, np.ones((9, 7))).shape == (9, 7)


# What is wrong.


def test_is_deepcr(files, state):
    assert is_deepcr(state)
    assert is_deepcr(read_state_dict(files / "weightnorm-zip.pth"))
    assert not is_deepcr({})
    assert not is_deepcr(read_state_dict(files / "views-zip.pth"))
    del state["outc.conv.weight"]
    assert not is_deepcr(state)


def test_all_faults_in_one_error(state):
    del state["down1.mpconv.1.conv.1.running_var"]
    state["up8.conv.conv.0.weight"] = state["up8.conv.conv.0.weight"][:3]
    state["up8.up.weight_g"] = np.ones((8, 1, 1, 1), "f4")
    state["outc.conv.bias"] = np.ones(1, int)
    state["inc.conv.conv.0.bias"][1] = np.nan
    state["inc.conv.conv.3.bias"] = np.full(4, 1e39)
    with pytest.raises(ValueError, match="bad: not the arrays of a deepCR network") as caught:
        convert_deepcr(state, "bad")
    assert {line.strip() for line in str(caught.value).splitlines()[1:]} == {
        "down1.mpconv.1.conv.1.running_var: expected (8,), found nothing",
        "up8.conv.conv.0.weight: expected (4, 8, 3, 3), found (3, 8, 3, 3)",
        "up8.up.weight_g: expected nothing, found (8, 1, 1, 1)",
        "outc.conv.bias: expected floating-point numbers, found int64",
        "inc.conv.conv.0.bias: expected finite float32 numbers, found others",
        "inc.conv.conv.3.bias: expected finite float32 numbers, found others",
    }


def test_width_is_known_without_the_first_array(state):
    del state["inc.conv.conv.0.weight"]
    with pytest.raises(ValueError, match=r"network:\n  inc.conv.conv.0.weight: .*$") as caught:
        convert_deepcr(state, "bad")
    assert "expected (4, 1, 3, 3), found nothing" in str(caught.value)


def test_no_array_at_all():
    with pytest.raises(ValueError, match=r"outc.conv.weight: expected \(1, 32, 1, 1\), found no"):
        convert_deepcr({}, "empty")


def test_three_input_channels_have_no_meaning(state):
    state["inc.conv.conv.0.weight"] = np.ones((4, 3, 3, 3), "f4")
    with pytest.raises(ValueError, match=r"expected \(4, 1, 3, 3\), found \(4, 3, 3, 3\)"):
        convert_deepcr(state, "bad")


@pytest.mark.parametrize("dtype", ["f2", "f8"])
def test_other_precisions_become_float32(state, dtype):
    converted = {key: value.astype(dtype) for key, value in state.items()}
    _, arrays = convert_deepcr(converted, "net")
    assert {array.dtype.str for array in arrays.values()} == {"<f4"}


@pytest.mark.parametrize("scale", [0, -1.0, np.inf, np.nan])
def test_scales_that_are_none(state, scale):
    with pytest.raises(ValueError, match="net: scale: expected a positive number, found"):
        convert_deepcr(state, "net", scale=scale)


def test_normalization_that_is_none(state):
    with pytest.raises(ValueError, match=r"net: normalize: expected one of .*, found 'median'"):
        convert_deepcr(state, "net", normalize="median")
