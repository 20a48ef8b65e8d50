"""At which of the storage steps a test of `prepare` dies."""

import pytest

EVERY_FOURTH_OR_EACH = pytest.mark.parametrize("stride", [4, pytest.param(1, marks=pytest.mark.evidence)])
"""At every fourth in `make test`, at each in `make evidence`."""
