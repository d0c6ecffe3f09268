"""The addon for `mitmdump -s` and `mitmweb -s`: a loader that puts the gate into the program, once.

mitmproxy reloads a script whenever its file changes, and drops its addons where the new text is broken. So the gate is
not one of the script's own addons: it stays in the program, and refuses everything until it has its configuration.
"""

from glassgate.cli.compose import for_program
from glassgate.mitm.loader import Loader

addons = [Loader(for_program)]
