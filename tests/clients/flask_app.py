"""An application as flask-cfaccess has them: PORT AUD."""

import sys

from flask import Flask
from flask_cfaccess import CfAccess, get_identity, login_required

app = Flask(__name__)
app.config["CLOUDFLARE_ACCESS_TEAM"] = "lab"
app.config["CLOUDFLARE_ACCESS_AUD"] = sys.argv[2]
CfAccess(app)


@app.get("/")
@login_required
def hello():
    return f"hello {get_identity()['email']}"


app.run("127.0.0.1", int(sys.argv[1]))
