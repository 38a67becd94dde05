"""The Python SDK, sync and async. Imports contracts, signing, backoff, errors, httpx and websockets only."""

from __future__ import annotations

from waqtor.client.asynchronous import AsyncWaqtorClient
from waqtor.client.blocking import WaqtorClient
from waqtor.client.cursors import FileCursor, MemoryCursor, Place
from waqtor.client.pages import Listing
from waqtor.client.registry import Incoming

__all__ = ["AsyncWaqtorClient", "FileCursor", "Incoming", "Listing", "MemoryCursor", "Place", "WaqtorClient"]
