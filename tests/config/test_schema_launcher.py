"""The `launcher` of an application: what it is when little of it is said."""

from glassgate.config.schema_launcher import Launcher


def test_an_app_is_shown_by_its_first_letter_unless_something_else_is_said():
    launcher = Launcher.model_validate({"tags": ["Finance"]})
    assert (launcher.visible, launcher.logo, launcher.tags) == (True, None, ["Finance"])
