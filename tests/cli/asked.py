"""The commands about policies, run in this process: a folder with a configuration, and what was printed."""

from click.testing import CliRunner

from cli.program import DEPLOYED, GROUP, SECRET
from glassgate.cli.main import commands
from glassgate.errors import GlassgateError

STAFF = f"      - {{name: staff, decision: allow, include: [{{entra_group: {GROUP}}}]}}\n"


def configured(folder, policies=STAFF, name="config.yaml"):
    """A configuration with these policies of its one app, whose provider vouches for contoso.example."""
    text = DEPLOYED.replace("PORT", "8443").replace(STAFF, policies)
    text = text.replace("    client_id:", "    email_domains: [contoso.example]\n    mfa_context: c1\n    client_id:")
    (folder / name).write_text(text)
    return folder / name


def glassgate(*words):
    """How the call ended: the exit code, what went to standard output, and to standard error."""
    done = CliRunner().invoke(commands, [str(word) for word in words], env={**SECRET, "COLUMNS": "80"})
    if isinstance(done.exception, GlassgateError):
        return 1, done.stdout, f"glassgate: {done.exception}\n"  # as `main` ends
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr
