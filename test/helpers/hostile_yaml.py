"""Broken and hostile architectures."""

import yaml

ARCHITECTURE = {
    "kind": "free",
    "inputs": [{"name": "x", "shape": [3]}],
    "nodes": [
        {"name": "d", "op": "dense", "inputs": ["x"], "units": 2, "bias": True,
         "weight_norm": False},
    ],
    "outputs": {"y": "d"},
    "arrays": {"d/kernel": "w", "d/bias": "b"},
    "ignore": ["step"],
}  # fmt: skip
"""What `ARRAYS` are."""


def yamls():
    """Return architectures: name -> text."""
    good = yaml.safe_dump(ARCHITECTURE)

    def source(text):
        return good.replace("d/kernel: w", f"d/kernel: {text}")

    laughs = "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9) if i else 'lol'}]\n" for i in range(30)
    )
    merges = "".join(
        f"a{i}: &a{i} {{k{i}: 1{f', <<: [*a{i - 1}, *a{i - 1}]' if i else ''}}}\n"
        for i in range(40)
    )
    doubled = "".join(
        f"a{i}: &a{i} {{k{i}: 1{f', <<: *a{i - 1}, <<: *a{i - 1}' if i else ''}}}\n"
        for i in range(40)
    )
    often = "  - *a\n" * 20_000
    return {
        "nothing": "",
        "no-yaml": "a: [",
        "laughs": laughs,
        "laughs-in-place": laughs + good.replace("ignore:", "ignore:\n- *a29"),
        "laughs-in-arrays": laughs + good.replace("d/bias: b", "d/bias: *a29"),
        "laughs-in-provenance": laughs + good + "provenance: {a: *a29}\n",
        "merges": merges,
        "merges-doubled": doubled,
        "cycle": good + "provenance: &a {a: *a}\n",
        "cycle-in-nodes": good.replace("nodes:", "nodes: &n\n- *n"),
        "long-text-repeated": f"name: &a {'x' * 50_000}\nprovenance:\n  a:\n"
        + often + good,
        "python-call": "kind: !!python/object/apply:os.system ['touch HIT']\n",
        "python-name": "kind: !!python/name:os.system\n",
        "python-module": "!!python/module:os",
        "python-tuple": good.replace("[3]", "!!python/tuple [3]") + "name: !!python/tuple []",
        "binary": good + "provenance: !!binary aGVsbG8=\n",
        "date": good + "provenance: {a: 2001-02-03}\n",
        "date-that-is-none": good + "provenance: {a: 2001-99-99}\n",
        "set": good + "provenance: !!set {a, b}\n",
        "nan": good + "provenance: {a: .nan}\n",
        "long-number": good + f"provenance: {{a: {'9' * 10_000}}}\n",
        "sexagesimal": good + f"provenance: {{a: 1{':59' * 20_000}}}\n",
        "deep": "[" * 1000,
        "deep-and-closed": "a: " + "[" * 200 + "]" * 200,
        "key-of-lists": "? [a, b]\n: c\n",
        "key-numbers": "1: 2\n",
        "not-utf8": b"\xff\xfe\xff",
        "nul": "a: \0",
        "a-megabyte": "ignore: [" + "a, " * 350_000 + "a]\n",
        "shape-huge": source(f"{{from: w, shape: [{10**30}, -1]}}"),
        "axes-huge": source(f"{{from: w, axes: [{10**30}, 0]}}"),
        "axes-negative": source("{from: w, axes: [-9, 0]}"),
        "shape-of-100-axes": source(f"{{from: w, shape: {[1] * 100}}}"),
        "one-array-often": good.replace(
            "d/bias: b", "\n  ".join(f"d{i}/bias: b" for i in range(500))
        ),
        "targets-numbers": good.replace("d/bias: b", "7: b"),
    }  # fmt: skip
