"""What tests against the official engine carry."""

import pytest

from hiper_envs.alfworld.official.engine import is_installed

needs_official = pytest.mark.skipif(
    not is_installed(), reason='the official engine is not installed: pip install "hiper-suite[official]"'
)
