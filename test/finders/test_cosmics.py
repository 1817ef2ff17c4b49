"""Cosmic rays: deepCR's networks on whole images, as torch computes them."""

import numpy as np
import pytest

from desinn import load_model
from desinn.finders.cosmics import CosmicRayFiller, CosmicRayFinder, cosmics_finder
from desinn.io.convert import read_foreign
from desinn.nn import Network, write_weights
from helpers import naive

IMAGES = [
    f"{scene}_{size}" for scene in ("fiber", "star") for size in ("256x256", "300x217", "33x50")
]


@pytest.fixture
def converted(tmp_path):
    """Convert a file, write the weights and load them: the whole way."""

    def converted(path, **options):
        out = tmp_path / "w.npz"
        write_weights(out, *read_foreign(path, **options), overwrite=True)
        return load_model(out)

    return converted


@pytest.fixture(scope="module")
def outputs(data):
    with np.load(data / "torch" / "outputs.npz") as file:
        return dict(file)


@pytest.mark.parametrize("image", [0, 1])
@pytest.mark.parametrize("net", ["batchnorm", "weightnorm"])
@pytest.mark.parametrize("container", ["legacy", "zip"])
def test_probability_is_torchs(data, converted, outputs, net, container, image):
    normalize = "mean-std" if net == "weightnorm" else "none"
    finder = converted(data / "torch" / f"{net}-{container}.pth", normalize=normalize)
    assert isinstance(finder, CosmicRayFinder)
    result = finder.probability(outputs[f"image_{image}"])
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, outputs[f"{net}_{image}"], atol=1e-5)


@pytest.mark.parametrize("image", [0, 1])
def test_filled_pixels_are_torchs(data, converted, outputs, image):
    filler = converted(data / "torch" / "inpaint-zip.pth")
    assert isinstance(filler, CosmicRayFiller)
    pixels, mask = outputs[f"image_{image}"], outputs[f"mask_{image}"] > 0
    result = filler.fill(pixels, mask)
    np.testing.assert_array_equal(result[~mask], pixels[~mask])
    expected = outputs[f"inpaint_{image}"][mask]
    np.testing.assert_allclose(result[mask], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("core", [384, 128, 56])
@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("net", ["ACS-WFC", "decam"])
def test_published_networks_on_their_images(reference, converted, monkeypatch, net, image, core):
    monkeypatch.setattr(Network.on_tiles, "__defaults__", (core,))
    folder = reference / "cosmics"
    finder = converted(folder / f"deepcr-mask-{net}.npz")
    result = finder.probability(np.load(folder / f"{image}_in.npy"))
    expected = np.load(folder / f"{image}_{net}_prob.npy")
    np.testing.assert_allclose(result, expected, atol=1e-5, rtol=0)
    sure = np.abs(expected - 0.5) > 1e-5
    np.testing.assert_array_equal((result > 0.5)[sure], (expected > 0.5)[sure])


def test_published_networks_compute_the_same_bytes_everywhere(reference, converted, monkeypatch):
    """With 1, 2 and 4 threads, and in forked children of a process that has computed."""
    import multiprocessing

    from threadpoolctl import threadpool_limits

    monkeypatch.setattr(Network.on_tiles, "__defaults__", (64,))
    folder = reference / "cosmics"
    finder = converted(folder / "deepcr-mask-ACS-WFC.npz")
    image = np.load(folder / "fiber_300x217_in.npy")
    found = []
    for threads in (1, 2, 4):
        with threadpool_limits(threads, "blas"):
            found.append(finder.probability(image))
    with multiprocessing.get_context("fork").Pool(4) as pool:
        found += pool.map(finder.probability, [image] * 4)
    assert len({array.tobytes() for array in found}) == 1


@pytest.mark.parametrize("image", IMAGES)
def test_the_published_filler_on_the_same_images(reference, converted, image):
    """Against float64, to 1e-5 of the brightest pixel: the image spans four decades."""
    folder = reference / "cosmics"
    file = folder / "deepcr-inpaint-ACS-WFC-F606W-2-32.npz"
    pixels = np.load(folder / f"{image}_in.npy")
    mask = np.load(folder / f"{image}_ACS-WFC_prob.npy") > 0.5
    result = converted(file).fill(pixels, mask)
    expected = naive.run(*read_foreign(file), pixels, mask.astype("f8"))
    assert mask.any()
    largest = np.abs(expected).max()
    np.testing.assert_allclose(result[mask], expected[mask], rtol=0, atol=1e-5 * largest)
    np.testing.assert_array_equal(result[~mask], pixels[~mask])


@pytest.fixture
def finder(data, converted):
    return converted(data / "torch" / "batchnorm-zip.pth")


def test_find_uses_the_threshold_of_the_file_or_another(finder, outputs):
    probability = finder.probability(outputs["image_0"])
    np.testing.assert_array_equal(finder.find(outputs["image_0"]), probability > finder.threshold)
    middle = float(np.median(probability))
    np.testing.assert_array_equal(finder.find(outputs["image_0"], middle), probability > middle)


@pytest.mark.parametrize("dtype", [">f4", "f8", ">i4", "u2"])
def test_any_real_dtype_is_taken(finder, dtype):
    image = (np.arange(35).reshape(5, 7) * 7 % 23).astype(dtype)
    expected = finder.probability(image.astype("f4"))
    np.testing.assert_array_equal(finder.probability(image), expected)


@pytest.mark.parametrize(
    ("image", "text"),
    [
        (np.zeros(5), r"expected real numbers of shape \(Y, X\), found float64 of shape \(5,\)"),
        (np.zeros((0, 4)), "found float64 of shape"),
        (np.zeros((3, 3), complex), "found complex128"),
    ],
)
def test_what_is_no_image_is_refused(finder, image, text):
    with pytest.raises(ValueError, match=text):
        finder.probability(image)


def test_pixels_that_are_no_good_are_interpolated_and_never_marked(finder):
    """What is masked, or not finite, may hold anything: the others do not see it."""
    rng = np.random.default_rng(1)
    image = rng.normal(5, 3, (24, 20)).astype("f4")
    mask = rng.uniform(size=image.shape) < 0.1
    expected = finder.probability(image, mask)
    assert (expected[mask] == 0).all()
    assert (expected[~mask] > 0).all()
    spoiled = image.copy()
    spoiled[mask] = rng.choice([np.nan, np.inf, -np.inf, 1e30], mask.sum())
    np.testing.assert_array_equal(finder.probability(spoiled, mask), expected)
    np.testing.assert_array_equal(finder.probability(spoiled, 8 * mask.astype("u4")), expected)
    lost = np.where(mask, np.nan, image)
    np.testing.assert_array_equal(finder.probability(lost), expected)
    assert (finder.probability(np.full((5, 6), np.nan)) == 0).all()
    huge = np.where(mask, 1e300, image.astype("f8"))  # no float32
    np.testing.assert_array_equal(finder.probability(huge), expected)
    with pytest.raises(ValueError, match=r"mask: expected shape \(24, 20\) as the image's, found"):
        finder.probability(image, mask[:3])


def test_a_cleaned_image(finder):
    rng = np.random.default_rng(2)
    image = rng.normal(5, 3, (24, 20)).astype("f4")
    mask = rng.uniform(size=image.shape) < 0.05
    cleaned, rays = finder.clean(image, 0.5, mask)
    np.testing.assert_array_equal(rays, finder.find(image, 0.5, mask))
    np.testing.assert_array_equal(cleaned[~rays], image[~rays])
    assert rays.any()
    assert (cleaned[rays] != image[rays]).any()
    untouched, none = finder.clean(image, 1.0)
    assert not none.any()
    np.testing.assert_array_equal(untouched, image)


def test_asinh(data):
    """Large pixels count by their logarithm."""
    header, arrays = read_foreign(data / "torch" / "batchnorm-zip.pth")
    header = {**header, "prepare": {**header["prepare"], "normalize": "asinh", "scale": 3.0}}
    found = cosmics_finder(Network(header, arrays)).prepare(np.full((4, 4), 3 * np.sinh(2.0)))
    np.testing.assert_allclose(found[:, :], 2, rtol=1e-6)


def test_a_fork_does_not_break_it(finder):
    """Children of a process whose threads have run compute the same."""
    import multiprocessing

    image = np.random.default_rng(3).normal(5, 3, (40, 44))
    expected = finder.probability(image)
    with multiprocessing.get_context("fork").Pool(4) as pool:
        for found in pool.map(finder.probability, [image] * 8):
            np.testing.assert_array_equal(found, expected)


def test_strides_that_do_not_fit_the_padding_are_refused(data):
    header, arrays = read_foreign(data / "torch" / "batchnorm-zip.pth")
    prepare = {**header["prepare"], "pad_multiple": 3}
    with pytest.raises(
        ValueError, match="pad_multiple: expected a multiple of the strides, 2, fo"
    ):
        cosmics_finder(Network({**header, "prepare": prepare}, arrays))


def test_a_constant_image_cannot_be_brought_to_deviation_one(data, converted):
    finder = converted(data / "torch" / "weightnorm-zip.pth", normalize="mean-std")
    with pytest.raises(ValueError, match="all pixels are equal"):
        finder.probability(np.ones((4, 4)))


def test_an_image_without_a_good_pixel_has_no_rays(data, converted):
    """Whatever the network would make of it: desispec masks whole CCDs, and goes on."""
    finder = converted(data / "torch" / "weightnorm-zip.pth", normalize="mean-std")
    for image in (np.ones((5, 6)), np.full((5, 6), np.nan)):
        found = finder.probability(image, np.ones((5, 6), bool))
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, np.zeros((5, 6)))


def test_a_mask_of_another_shape_is_refused(data, converted):
    filler = converted(data / "torch" / "inpaint-zip.pth")
    with pytest.raises(
        ValueError, match=r"mask: expected shape \(4, 4\) as the image's, found \(3,"
    ):
        filler.fill(np.zeros((4, 4)), np.zeros((3, 4)))


def test_a_network_that_changes_the_size_is_refused(data):
    header, arrays = read_foreign(data / "torch" / "batchnorm-zip.pth")
    nodes = [
        {**node, "padding": "valid"} if node["name"] == "up8_conv_2" else node
        for node in header["nodes"]
    ]
    with pytest.raises(
        ValueError, match=r"outputs: expected \(32, 32, 1\) for .* found \(30, 30, 1"
    ):
        cosmics_finder(Network({**header, "nodes": nodes}, arrays))


@pytest.mark.parametrize(
    ("section", "change", "text"),
    [
        ("prepare", {"pad_side": "high"}, "prepare: pad_side: expected one of"),
        ("prepare", {"normalize": "median"}, "prepare: normalize: expected one of"),
        ("prepare", {"channels": ["mask"]}, "prepare: channels: expected one of"),
        ("prepare", {"scale": "large"}, "prepare: scale: expected float, found 'large'"),
        ("prepare", {"pad_multiple": 0}, "prepare: pad_multiple: expected above 0, found 0"),
        ("prepare", {"scale": 0.0}, "prepare: scale: expected above 0, found 0"),
        ("interpret", {"limit": 1.0}, "interpret: limit is unknown"),
        ("outputs", {"mask": "outc_sigmoid"}, "outputs: expected one of probability, image"),
    ],
)
def test_a_header_that_does_not_say_enough_is_refused(data, section, change, text):
    header, arrays = read_foreign(data / "torch" / "batchnorm-zip.pth")
    changed = change if section == "outputs" else {**header[section], **change}
    with pytest.raises(ValueError, match=text):
        cosmics_finder(Network({**header, section: changed}, arrays))
