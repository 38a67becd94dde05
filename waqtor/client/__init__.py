"""The Python SDK, sync and async. Imports contracts, signing, backoff, httpx and websockets only."""
