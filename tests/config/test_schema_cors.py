"""The `cors` of an application: what it is when little of it is said."""

from glassgate.config.schema_cors import Cors


def test_a_small_one_leaves_the_rest_to_defaults():
    cors = Cors.model_validate({"origins": ["https://a.example"]})
    assert (cors.preflight, cors.methods, cors.headers, cors.credentials, cors.max_age) == ("gate", *[None] * 4)
