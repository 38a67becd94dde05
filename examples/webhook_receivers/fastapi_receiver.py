"""A webhook receiver on FastAPI: ``WEBHOOK_SECRET=whsec_… uvicorn fastapi_receiver:app --port 8000``."""

import os

from fastapi import FastAPI, Request, Response

from waqtor.client.webhooks import WebhookRefused, verify

app = FastAPI()
seen: set[str] = set()  # in a real receiver: a table with a unique column


@app.post("/hooks/waqtor")
async def receive(request: Request) -> Response:
    """Check, recognise repeats, answer at once."""
    try:
        webhook = verify(os.environ["WEBHOOK_SECRET"], request.headers, await request.body())
    except WebhookRefused:
        return Response(status_code=401)
    if webhook.id in seen:
        return Response(status_code=200)
    seen.add(webhook.id)
    print(webhook.event, webhook.data)
    return Response(status_code=204)
