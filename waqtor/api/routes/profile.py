"""The profile of whoever asks; until there are users, of the owner."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from waqtor.api.answers import answer
from waqtor.api.deps import engine_of
from waqtor.api.routing import Routes
from waqtor.contracts.profile import Profile, UpdateProfile
from waqtor.notifications.ports import OWNER

routes = Routes("profile")
_SCOPE = "notifications"
_EXAMPLE = {"requestBody": {"content": {"application/json": {"example": {"language": "ar", "brand": "text"}}}}}


@routes.add("GET", "/profile", _SCOPE, Profile)
async def get_profile(request: Request) -> Response:
    """Who you are to the dashboard, and how you like it."""
    return answer(request, await engine_of(request).profiles.get(OWNER))


@routes.add("PATCH", "/profile", _SCOPE, Profile, extra=_EXAMPLE)
async def update_profile(request: Request, body: UpdateProfile) -> Response:
    """Change some of it."""
    return answer(request, await engine_of(request).profiles.update(OWNER, body))
