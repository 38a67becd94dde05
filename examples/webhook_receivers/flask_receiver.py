"""A webhook receiver on Flask: ``WEBHOOK_SECRET=whsec_… flask --app flask_receiver run --port 8000``."""

import os

from flask import Flask, request

from waqtor.client.webhooks import WebhookRefused, verify

app = Flask(__name__)
seen: set[str] = set()  # in a real receiver: a table with a unique column


@app.post("/hooks/waqtor")
def receive() -> tuple[str, int]:
    """Check, recognise repeats, answer at once."""
    try:
        webhook = verify(os.environ["WEBHOOK_SECRET"], dict(request.headers), request.get_data())
    except WebhookRefused:
        return "", 401
    if webhook.id in seen:
        return "", 200
    seen.add(webhook.id)
    print(webhook.event, webhook.data)
    return "", 204
