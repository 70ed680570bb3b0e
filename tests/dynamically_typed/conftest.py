import os

import pytest

from dynamically_typed.environment import Environment


@pytest.fixture
def bare_environment():
    """The variables of this process without any setting of ours."""
    return {name: value for name, value in os.environ.items() if name not in Environment.__dataclass_fields__}
