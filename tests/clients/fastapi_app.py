"""An application as fastapi-cloudflare-access-jwt has them: PORT AUD."""

import sys

import uvicorn
from cloudflare_access_jwt import CloudflareAccessJWT
from fastapi import Depends, FastAPI
from fastapi.responses import PlainTextResponse

TEAM = "https://lab.cloudflareaccess.com"
app = FastAPI()
access = CloudflareAccessJWT(certs_url=f"{TEAM}/cdn-cgi/access/certs", policy_aud=sys.argv[2])


@app.get("/", response_class=PlainTextResponse)
def hello(claims: dict = Depends(access)):  # noqa: B008 - FastAPI's way
    return f"hello {claims['email']}"


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
