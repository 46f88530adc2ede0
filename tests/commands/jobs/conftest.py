"""A tiny model, and a home with recipes for it."""

from tests.training import base as base
from tests.training import home as home
