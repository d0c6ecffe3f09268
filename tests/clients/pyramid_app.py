"""An application as pyramid-cloudflare-access has them: PORT AUD. The library tells no claims."""

import sys
from wsgiref.simple_server import make_server

import jwt
from pyramid.config import Configurator
from pyramid.response import Response


def hello(request):
    claims = jwt.decode(request.cookies["CF_Authorization"], options={"verify_signature": False})
    return Response(f"hello {claims['email']}")


settings = {
    "pyramid_cloudflare_access.team": "https://lab.cloudflareaccess.com",
    "pyramid_cloudflare_access.policy_audience": sys.argv[2],
}
with Configurator(settings=settings) as config:
    config.include("pyramid_cloudflare_access")
    config.add_route("hello", "/")
    config.add_view(hello, route_name="hello")
make_server("127.0.0.1", int(sys.argv[1]), config.make_wsgi_app()).serve_forever()
