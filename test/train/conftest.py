"""A network so small that it trains in a moment, and spectra that it can learn."""

import pytest

from helpers.samples import make_recipe, make_samples


@pytest.fixture
def content():
    """What a recipe's file holds."""
    return make_recipe()


@pytest.fixture
def recipe_file(tmp_path, content):
    """A function that writes a recipe with changes and returns its name."""
    yaml = pytest.importorskip("yaml")

    def write(**changes):
        path = tmp_path / "recipe.yaml"
        path.write_text(yaml.safe_dump(content | changes))
        return str(path)

    return write


@pytest.fixture
def samples():
    """A sample to train with, and one that is held out."""
    return make_samples()
