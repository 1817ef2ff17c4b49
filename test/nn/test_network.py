"""The folded, blocked, threaded network against the plain meaning of its graph."""

import copy
import multiprocessing
import os
import pickle
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController, threadpool_limits

from desinn.nn import Network, WeightsError, convolution, evaluate, network, threads
from desinn.nn.graph import GraphError
from desinn.nn.threads import share
from helpers.cases import arrays_for, noise, one_layer
from helpers.networks import quasarnet, unet


def double(arrays):
    return {name: array.astype(np.float64) for name, array in arrays.items()}


@pytest.mark.parametrize("size", [(1, 1), (4, 8), (11, 6), (12, 7), (5, 30)])
@pytest.mark.parametrize("weight_norm", [False, True])
def test_unet_equals_its_plain_meaning(size, weight_norm):
    header = unet(width=4, weight_norm=weight_norm)
    arrays = arrays_for(header)
    even = [n + n % 2 for n in size]
    x = noise((3, *even, 1), 5)
    expected = evaluate(header, double(arrays), x.astype(np.float64))["probability"]
    np.testing.assert_allclose(Network(header, arrays)(x)["probability"], expected, atol=2e-6)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("batch", [0, 1, 2, 7, 33])
def test_quasarnet_equals_its_plain_meaning(padding, batch):
    header = quasarnet(bins=90, filters=5, layers=3, padding=padding)
    arrays = arrays_for(header)
    x = noise((batch, 90, 1), 5)
    expected = evaluate(header, double(arrays), x.astype(np.float64))
    result = Network(header, arrays)(x)
    assert list(result) == list(expected)
    for name, values in expected.items():
        assert result[name].shape == values.shape
        np.testing.assert_allclose(result[name], values, atol=2e-6)


@pytest.mark.parametrize("columns", [1, 100, 5000])
@pytest.mark.parametrize("block", [1, 50_000])
def test_results_do_not_depend_on_how_the_work_is_cut(columns, block, monkeypatch):
    header = unet(width=3)
    arrays = arrays_for(header)
    x = noise((5, 10, 14, 1), 5)
    whole = Network(header, arrays)(x)["probability"]
    monkeypatch.setattr(convolution, "PIECE_VALUES", columns)
    monkeypatch.setattr(network, "BLOCK_BYTES", block)
    np.testing.assert_allclose(Network(header, arrays)(x)["probability"], whole, atol=1e-6)


@pytest.mark.parametrize("threads", [1, 3])
def test_same_bits_for_any_number_of_threads(threads, monkeypatch):
    monkeypatch.setattr(network, "BLOCK_BYTES", 40_000)
    header = quasarnet(bins=90, filters=5, layers=3)
    arrays = arrays_for(header)
    x = noise((50, 90, 1), 5)
    with threadpool_limits(2, user_api="blas"):
        expected = Network(header, arrays)(x)
    with threadpool_limits(threads, user_api="blas"):
        result = Network(header, arrays)(x)
    for name, values in expected.items():
        np.testing.assert_array_equal(result[name], values)


def test_another_batch_changes_the_last_digits_at_most():
    header = quasarnet(bins=90, filters=5, layers=3)
    run = Network(header, arrays_for(header))
    x = noise((40, 90, 1), 5)
    together = run(x)["LYA"]
    alone = np.concatenate([run(x[i : i + 1])["LYA"] for i in range(len(x))])
    np.testing.assert_allclose(alone, together, atol=1e-6)


@pytest.mark.parametrize("sizes", [(7, 8, 7), (8, 8, 7, 30, 8)])
def test_calls_do_not_touch_each_other(sizes, monkeypatch):
    """Working memory is kept from one call to the next, with the zeros around the arrays."""
    monkeypatch.setattr(network, "BLOCK_BYTES", 4_000)
    header = unet(width=2)
    arrays = arrays_for(header)
    run = Network(header, arrays)
    results = []
    for seed, size in enumerate(sizes):
        for batch in (5, 2, 11):
            x = noise((batch, 2 * size, 2 * (15 - size % 8), 1), seed)
            results.append((run(x)["probability"], Network(header, arrays)(x)["probability"]))
    for kept, alone in results:
        np.testing.assert_array_equal(kept, alone)


def test_large_working_memory_is_given_back(monkeypatch):
    header = quasarnet(bins=90, filters=5, layers=3)
    run, x = Network(header, arrays_for(header)), noise((3, 90, 1), 5)
    run(x)
    (kept,) = run._latest.arenas
    run(x)
    assert run._latest.arenas == [kept]
    monkeypatch.setattr(threads, "KEEP_BYTES", kept.nbytes - 1)
    run(x)
    assert run._latest.arenas == []


def test_a_copy_has_working_memory_of_its_own():
    header = quasarnet(bins=90, filters=5, layers=3)
    run, x = Network(header, arrays_for(header)), noise((3, 90, 1), 5)
    expected = run(x)["LYA"]
    for other in (copy.deepcopy(run), pickle.loads(pickle.dumps(run))):
        assert other._latest is None
        np.testing.assert_array_equal(other(x)["LYA"], expected)


def test_a_blas_library_that_comes_late_is_held_too(monkeypatch):
    """Libraries are looked for again once a module was imported."""
    share(lambda job, arena: None, [1])
    looked = []
    select = ThreadpoolController.select
    monkeypatch.setattr(
        ThreadpoolController, "select", lambda *a, **k: looked.append(1) or select(*a, **k)
    )
    share(lambda job, arena: None, [1])
    assert not looked
    monkeypatch.setitem(sys.modules, "a_new_module", sys)
    share(lambda job, arena: None, [1])
    assert looked


def _run_in_child(queue, header, arrays, x):
    queue.put(Network(header, arrays)(x)["LYA"])


def test_works_after_a_fork():
    """Pipelines fork after they have used us."""
    header = quasarnet(bins=40, filters=2, layers=1)
    arrays, x = arrays_for(header), noise((70, 40, 1), 5)
    expected = Network(header, arrays)(x)["LYA"]
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_run_in_child, args=(queue, header, arrays, x))
    child.start()
    result = queue.get(timeout=60)
    child.join()
    np.testing.assert_array_equal(result, expected)


def test_a_fork_waits_until_nobody_computes():
    """Else the child would inherit a BLAS that is held at one thread."""
    from desinn.nn.threads import _BLAS

    order = []
    inside = threading.Event()

    def compute():
        with _BLAS.single():
            inside.set()
            time.sleep(0.3)
            order.append("computed")

    thread = threading.Thread(target=compute)
    thread.start()
    inside.wait()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer Pythons warn of threads and forks
        child = os.fork()
    if not child:
        os._exit(_BLAS._users)
    order.append("forked")
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert order == ["computed", "forked"]


def test_folding_leaves_few_steps():
    steps = Network(*with_arrays(quasarnet(bins=40, filters=2, layers=2))).steps
    ops = [(step.op.name, step.activation) for step in steps]
    heads = [("dense", "sigmoid")] * 14 + [("affine", "linear")] * 7 + [("concat", "linear")] * 7
    body = [("conv", "relu")] * 2 + [("flatten", "linear"), ("dense", "relu")]
    assert sorted(ops) == sorted(body + heads)


def with_arrays(header):
    return header, arrays_for(header)


def chain(*ops):
    """Return a header with layers one behind the other on an input (6, 2)."""
    nodes, before = [], "x"
    for number, (op, attributes) in enumerate(ops):
        name = f"n{number}"
        nodes.append({"name": name, "op": op, "inputs": [before], **attributes})
        before = name
    inputs = [{"name": "x", "shape": [6, 2]}]
    return {"inputs": inputs, "nodes": nodes, "outputs": {"y": before}}


NORM = ("batch_norm", {"epsilon": 1e-3, "scale": True, "center": True})
DENSE = ("dense", {"units": 3, "bias": True, "weight_norm": False})
RELU, SIGMOID, DROPOUT = ("relu", {}), ("sigmoid", {}), ("dropout", {"rate": 0.1})


@pytest.mark.parametrize(
    "ops",
    [
        (DENSE, RELU, NORM, DENSE),  # a norm behind an activation stays
        (NORM, DENSE, SIGMOID, RELU),  # two activations do not become one
        (DENSE, NORM, NORM, RELU),
        (DENSE, DROPOUT, NORM, DROPOUT, RELU),
        (RELU, NORM),
        (DROPOUT,),  # nothing is left but the input
    ],
    ids=lambda ops: "-".join(op for op, _ in ops),
)
def test_what_is_merged_means_the_same(ops):
    header = chain(*ops)
    arrays, x = arrays_for(header), noise((4, 6, 2), 5)
    expected = evaluate(header, double(arrays), x.astype(np.float64))["y"]
    np.testing.assert_allclose(Network(header, arrays)(x)["y"], expected, atol=1e-6)


def test_a_layer_that_two_read_is_not_merged_into_one_of_them():
    header = chain(DENSE, NORM, RELU)
    header["outputs"] = {"raw": "n0", "normed": "n1", "y": "n2"}
    arrays, x = arrays_for(header), noise((4, 6, 2), 5)
    expected, result = evaluate(header, arrays, x), Network(header, arrays)(x)
    for name, values in expected.items():
        np.testing.assert_allclose(result[name], values, atol=1e-6)


@pytest.mark.parametrize("dtype", ["f8", ">f4", "i2", "u1", "?"])
def test_any_real_dtype_is_taken(dtype):
    header = one_layer("linear", [(3,)])
    x = np.array([[0, 1, 1]], dtype=dtype)
    result = Network(header, {})(x)["y"]
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, [[0, 1, 1]])


def test_input_is_not_changed():
    header = one_layer("relu", [(3,)])
    x = np.float32([[-1, 0, 1]])
    Network(header, {})(x)
    assert x.tolist() == [[-1, 0, 1]]


def test_several_inputs_come_as_a_dict():
    header = one_layer("concat", [(2,), (1,)], axis=-1)
    run = Network(header, {})
    x = {"x0": np.ones((3, 2)), "x1": np.zeros((3, 1))}
    assert run(x)["y"].tolist() == [[1, 1, 0]] * 3
    with pytest.raises(TypeError, match="takes a dict of x0, x1"):
        run(x["x0"])
    with pytest.raises(ValueError, match="one batch size, found x0 3, x1 2"):
        run({**x, "x1": np.zeros((2, 1))})
    with pytest.raises(GraphError, match=r"input x1: expected shape .*, found nothing"):
        run({"x0": x["x0"]})
    with pytest.raises(GraphError, match=r"input x0: expected shape .*, found nothing"):
        run({})
    with pytest.raises(GraphError, match="there is no input z"):
        run({**x, "z": x["x0"]})


@pytest.mark.parametrize(
    ("x", "error", "text"),
    [
        (np.zeros((2, 4)), GraphError, r"x0: expected shape \(B, 3\), found shape \(B, 4\)"),
        (np.zeros(3), GraphError, "expected shape"),
        (np.zeros((2, 0)), GraphError, r"found shape \(B, 0\)"),
        (np.zeros((2, 3), complex), TypeError, "expected real numbers"),
        (np.float32(1), TypeError, "expected real numbers"),
        (np.array(["a"]), TypeError, "expected real numbers"),
    ],
)
def test_a_wrong_input_is_named(x, error, text):
    with pytest.raises(error, match=text):
        Network(one_layer("relu", [(3,)]), {})(x)


def test_a_network_without_its_arrays_says_which():
    header = chain(DENSE)
    with pytest.raises(WeightsError, match=r"network: not a valid .* n0/kernel: missing"):
        Network(header, {"n0/bias": np.zeros(3, "f4")})


def test_weights_that_fold_to_nan_are_refused():
    header = chain(DENSE, NORM)
    arrays = arrays_for(header)
    arrays["n1/variance"][1] = -1.0
    with pytest.raises(WeightsError, match="n1: its weights are not finite when folded"):
        Network(header, arrays)


def test_an_image_of_no_width_is_refused():
    header = one_layer("relu", [(None, 1)])
    with pytest.raises(GraphError, match="found shape"):
        Network(header, {})(np.zeros((1, 0, 1)))


def test_an_image_too_small_for_the_layers_is_named():
    header = one_layer("max_pool", [(None, 1)], kernel=[4], stride=[1], padding="valid")
    with pytest.raises(GraphError, match=r"a kernel that spans 4 does not fit into .* size of 3"):
        Network(header, {})(np.zeros((1, 3, 1)))


def test_an_error_in_one_thread_reaches_the_caller(monkeypatch):
    monkeypatch.setattr(network, "BLOCK_BYTES", 1)
    run = Network(one_layer("relu", [(3,)]), {})

    def fail(self, *args):
        raise RuntimeError("in a thread")

    monkeypatch.setattr(network._Plan, "run", fail)
    with threadpool_limits(2, user_api="blas"), pytest.raises(RuntimeError, match="in a thread"):
        run(np.zeros((9, 3)))


def test_an_error_in_one_thread_stops_the_others():
    """Whichever it is: not only the one that is waited for first."""
    done = []

    def work(job, arena):
        if job == 1:
            raise RuntimeError("in a thread")
        time.sleep(0.05)
        done.append(job)

    with threadpool_limits(2, "blas"), pytest.raises(RuntimeError, match="in a thread"):
        share(work, range(40))
    assert len(done) < 20


def test_where_no_more_threads_can_be_had_the_others_stop(monkeypatch):
    done = []

    def submit(pool, *arguments):
        if len(pool._threads):
            raise RuntimeError("can't start new thread")
        return first(pool, *arguments)

    def work(job, arena):
        time.sleep(0.1)
        done.append(job)

    first = ThreadPoolExecutor.submit
    monkeypatch.setattr(ThreadPoolExecutor, "submit", submit)
    with threadpool_limits(2, "blas"), pytest.raises(RuntimeError, match="can't start"):
        share(work, range(9))
    assert len(done) < 9


def test_several_blas_libraries_of_different_threads(monkeypatch):
    """As in a process that redrock has loaded its own into: the smallest number holds."""
    found = [{"user_api": "blas", "num_threads": number} for number in (5, 3)]
    monkeypatch.setattr(ThreadpoolController, "info", lambda self: found)
    seen = []

    def work(job, arena):
        time.sleep(0.002)
        seen.append(threading.current_thread().name)

    share(work, range(40))
    assert len(seen) == 40
    assert 1 < len(set(seen)) <= 3


def siblings():
    """A network whose layers stand side by side: read with a border, by two, as outputs."""
    conv = {"op": "conv", "stride": [1], "dilation": [1], "bias": True, "weight_norm": False}
    same = {**conv, "kernel": [3], "padding": "same"}
    single = {**conv, "kernel": [1], "padding": "valid"}
    nodes = [
        {"name": "a", "inputs": ["x"], "filters": 3, **same},
        {"name": "b", "inputs": ["x"], "filters": 2, **same},
        {"name": "other", "inputs": ["x"], "filters": 2, **{**same, "dilation": [2]}},
        {"name": "a_relu", "op": "relu", "inputs": ["a"]},
        {"name": "c", "inputs": ["b"], "filters": 4, **same},
        {"name": "d", "inputs": ["b"], "filters": 1, **single},
        {"name": "e", "inputs": ["b"], "filters": 5, **single},
        {"name": "sum", "op": "concat", "inputs": ["c", "other", "a_relu"], "axis": -1},
    ]
    outputs = {"b": "b", "sum": "sum", "d": "d", "e": "e"}
    return {"inputs": [{"name": "x", "shape": [None, 2]}], "nodes": nodes, "outputs": outputs}


@pytest.mark.parametrize("size", [1, 7, 40])
def test_layers_side_by_side_are_one_product(size):
    header, arrays = with_arrays(siblings())
    network = Network(header, arrays)
    joined = [step.parts for step in network._joined if step.parts]
    assert [[name for name, _ in parts] for parts in joined] == [["d", "e"]]
    x = noise((5, size, 2), 1)
    expected = evaluate(header, arrays, x)
    for name, value in network(x).items():
        np.testing.assert_allclose(value, expected[name], atol=1e-5)


def test_parts_with_borders():
    """What is joined may be read by layers that want zeros around it."""
    graph = siblings()
    graph["nodes"] = [node for node in graph["nodes"] if node["name"] != "a_relu"]
    graph["nodes"][-1]["inputs"] = ["c", "other", "a"]
    header, arrays = with_arrays(graph)
    network = Network(header, arrays)
    names = [[name for name, _ in step.parts] for step in network._joined if step.parts]
    assert names == [["a", "b"], ["d", "e"]]
    x = noise((5, 11, 2), 1)
    expected = evaluate(header, arrays, x)
    for name, value in network(x).items():
        np.testing.assert_allclose(value, expected[name], atol=1e-5)
