from glassgate.lab.tenant.registration import Audience, Federated, Registration


def test_secrets_are_not_in_a_repr():
    assert "hush" not in repr(Registration("client", ("hush",)))


def test_an_app_is_for_its_own_tenant_unless_it_says_otherwise():
    assert Registration("client").audience is Audience.SINGLE
    assert {str(one) for one in Audience} == {"AzureADMyOrg", "AzureADMultipleOrgs"}


def test_a_federated_credential_is_for_entras_exchange():
    assert Federated("issuer", "subject", {}).audience == "api://AzureADTokenExchange"
