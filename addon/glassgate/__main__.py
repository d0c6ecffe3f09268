"""`python -m glassgate`."""

from glassgate.cli.main import main

main()
