"""`glassgate policy import`: Access policies as Cloudflare or Terraform have them, as apps and groups of ours."""

import json
import sys
from pathlib import Path

import click

from glassgate.cli.explained import readable
from glassgate.config.cloudflare.reading import Foreign, read
from glassgate.config.cloudflare.taking import convert
from glassgate.config.cloudflare.writing import written
from glassgate.errors import GlassgateError

MAX_BYTES = 64 << 20


@click.command("import", short_help="Take over apps and policies of Cloudflare Access.")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
def import_command(files: tuple[Path, ...]) -> None:
    """Write the `apps` and `groups` of a config.yaml for what FILE holds of Cloudflare Access.

    \b
    FILE is what the API answers to GET …/access/apps, …/access/groups,
    …/access/policies, …/access/identity_providers or …/access/service_tokens,
    or a state of Terraform (`terraform state pull`, `terraform show -json`).
    What could not be taken is told, each with its place and why; then the exit
    code is 1. Nothing that is left out lets anybody in who was kept out.
    """
    found = Foreign()
    for file in files:
        read(_json(file), str(file), found)
    taken = convert(found)
    if not taken.tree["apps"] and not taken.left_out:
        raise GlassgateError("no app is in it", where=str(files[0]), mend="give it what GET …/access/apps answers")
    if taken.tree["apps"]:
        click.echo(written(taken), nl=False)
    for problem in taken.left_out:
        click.echo(readable(str(problem)), err=True)
    if taken.left_out:
        click.echo(f"glassgate: {len(taken.left_out)} left out or changed, see above.", err=True)
    sys.exit(1 if taken.left_out else 0)


def _json(file: Path) -> object:
    try:
        if file.stat().st_size > MAX_BYTES:
            raise GlassgateError("the file is larger than 64 MiB", where=str(file), mend="is it what you meant?")
        return json.loads(file.read_text("utf-8"))
    except OSError as fault:
        raise click.UsageError(f"{file} cannot be read: {fault.strerror}") from None
    except (ValueError, RecursionError):
        raise GlassgateError("this is no JSON", where=str(file), mend="save what the API or Terraform prints") from None
