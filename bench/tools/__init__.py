"""The load tools: how each is called, and what its words mean."""

from bench.tools import curl, echo, h2load, wrk

__all__ = ["curl", "echo", "h2load", "wrk"]
