"""Sends as any application server in Python would: send.py SUBSCRIPTION-JSON PRIVATE-KEY TEXT"""

import json
import sys

from pywebpush import webpush

subscription, private_key, text = sys.argv[1:]
answer = webpush(
    subscription_info=json.loads(subscription),
    data=text,
    vapid_private_key=private_key,
    vapid_claims={"sub": "mailto:ops@example.com"},
    ttl=3600,
    timeout=10,
)
print(f"pywebpush: {answer.status_code} {answer.headers['location']}")
