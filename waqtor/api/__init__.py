"""The FastAPI application: REST, WebSocket endpoint, authentication, errors."""
