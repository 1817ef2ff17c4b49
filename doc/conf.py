"""Settings of the documents; build with: make doc."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "py"))

import desinn  # noqa: E402

project = "desinn"
author = "the desinn developers"
copyright = "2026, the desinn developers"
release = desinn.__version__
version = release

extensions = ["sphinx.ext.autodoc", "sphinx.ext.viewcode", "numpydoc"]
exclude_patterns = ["_build"]
default_role = "py:obj"  # numpydoc puts names between single backticks

autodoc_member_order = "bysource"
numpydoc_show_class_members = False  # autodoc lists them already

html_theme = "alabaster"
html_theme_options = {
    "description": "DESI's neural networks in NumPy alone",
    "page_width": "1150px",
    "sidebar_width": "220px",
    "fixed_sidebar": True,
}
html_show_sourcelink = False
