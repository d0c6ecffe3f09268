"""Times are told in UTC."""

from glassgate.cli.times import for_people, for_programs


def test_times_are_told_in_utc():
    assert for_people(1_800_000_061.9) == "2027-01-15 08:01"
    assert for_programs(1_800_000_061.9) == "2027-01-15T08:01:01Z"
    assert for_programs(None) is None
