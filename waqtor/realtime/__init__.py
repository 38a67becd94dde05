"""The WebSocket hub: topics, connections, recovery. Imports no web framework."""
