import pytest

from config.files import LAB, good, problems
from glassgate.config.lab_values import AADSTS_EXAMPLES, LAB_FAULTS, group_count, lab_fault, says
from glassgate.config.problems import BadValueError


@pytest.mark.parametrize("name", [*LAB_FAULTS, *AADSTS_EXAMPLES])
def test_a_fault_is_known_and_says_what_it_does(name):
    assert lab_fault(name) == name
    assert says(name)


@pytest.mark.parametrize(
    ("name", "mend"),
    [
        ("slwo", "did you mean `slow`?"),
        ("aadsts:", "did you mean"),
        ("aadsts:x", "did you mean"),
        ("aadsts:50105@authorize", "write `aadsts:50105@token`, or `aadsts:50105` for sign-ins"),
        ("", "known: slow"),
        ("SLOW", "known: slow"),
    ],
)
def test_a_fault_that_there_is_not(name, mend):
    with pytest.raises(BadValueError) as no:
        lab_fault(name)
    assert no.value.mend.startswith(mend)


def test_an_error_of_choice_says_where():
    assert says("aadsts:50105") == "sign-ins end with AADSTS50105"
    assert says("aadsts:50105@token") == "tokens are refused with AADSTS50105"


@pytest.mark.parametrize("value", [-1, 20_001, 1.5, "5", True, None])
def test_a_count_is_a_number_with_a_bound(value):
    with pytest.raises(BadValueError):
        group_count(value)
    assert (group_count(0), group_count(20_000)) == (0, 20_000)


DAVE = {"name": "dave", "password": "x"}
WRONG = {
    "fault": ({"faults": ["slwo"]}, "slow"),
    "count": ({"users": [DAVE | {"groups_count": "many"}]}, "no number of groups"),
    "tenant without a domain": ({"tenants": [{"users": [DAVE]}]}, "`domain` is missing"),
    "key of a tenant": ({"tenants": [{"domain": "f.example", "user": []}]}, "no key of a lab tenant"),
    "key of a tenant's user": ({"tenants": [{"domain": "f.example", "users": [DAVE | {"x": 1}]}]}, "of a lab user"),
    "id": ({"tenants": [{"domain": "f.example", "id": "x"}]}, "not an object id"),
    "domain twice": ({"tenants": [{"domain": "f.example"}] * 2}, "the domain of a lab tenant twice"),
    "domain of the main tenant": (
        {"tenants": [{"domain": "Contoso.Example", "users": [DAVE]}]},
        "`contoso.example` is the domain of the lab's main tenant",
    ),
    "user twice": ({"tenants": [{"domain": "f.example", "users": [DAVE, DAVE]}]}, "a user of this tenant twice"),
}


@pytest.mark.parametrize("row", WRONG)
def test_what_is_wrong_in_the_lab_is_told(tmp_path, row):
    change, said = WRONG[row]
    (line, what, mend), *_ = problems(good(lab=LAB | change), tmp_path)
    assert said in what + mend
    assert int(line) > 1
    assert mend


def test_one_name_in_two_tenants_is_two_users(tmp_path):
    tenants = [{"domain": domain, "users": [DAVE]} for domain in ("a.example", "b.example")]
    assert problems(good(lab=LAB | {"tenants": tenants}), tmp_path) == []
