"""Before a campaign: what would keep mail from its readers is fatal; what cannot be seen is not."""

import pytest

from newsletter.aws.doctor import examine_to_send, fatal, refuse_fatal
from newsletter.errors import SendError
from newsletter.settings import Settings
from newsletter.settings_file import load_settings
from tests.aws.amazon import DOMAIN, Amazon
from tests.fakeses import FakeSes, Fault
from tests.workspaces import Desk


@pytest.fixture
def settings(office: Desk, amazon: Amazon) -> Settings:
    """Of a workspace that was set up and verified."""
    office.ok("aws", "setup", "--apply", "--write")
    amazon.verify()
    return load_settings(office.root, {})


def checks(amazon: Amazon, settings: Settings) -> set[str]:
    return {finding.check for finding in fatal(examine_to_send(amazon.client, settings))}


def test_where_all_is_well_nothing_is_fatal_and_three_calls_are_enough(
    amazon: Amazon, settings: Settings
) -> None:
    before = amazon.ses_state()["asked"]
    requests = amazon.ses.counts()["requests"]
    assert checks(amazon, settings) == set()
    after = amazon.ses_state()["asked"]
    assert sum(after.values()) - sum(before.values()) == 2
    assert amazon.ses.counts()["requests"]["GetAccount"] == requests.get("GetAccount", 0) + 1


def test_what_get_account_has_just_said_is_not_asked_again(amazon: Amazon, settings: Settings) -> None:
    account = amazon.client("sesv2").get_account()
    asked = amazon.ses.counts()["requests"]["GetAccount"]
    account["ProductionAccessEnabled"] = False
    found = fatal(examine_to_send(amazon.client, settings, account=account))
    assert [finding.check for finding in found] == ["ses-sandbox"]
    assert amazon.ses.counts()["requests"]["GetAccount"] == asked


def test_what_stops_all_mail_is_fatal(amazon: Amazon, settings: Settings) -> None:
    amazon.change(identities={DOMAIN: {"VerifiedForSendingStatus": False}})
    assert checks(amazon, settings) == {"ses-identity"}
    amazon.verify()
    amazon.change(sets={"newsletter": {"SendingOptions": {"SendingEnabled": False}}})
    assert checks(amazon, settings) == {"ses-configuration-set"}
    amazon.client("sesv2").delete_configuration_set(ConfigurationSetName="newsletter")
    assert checks(amazon, settings) == {"ses-configuration-set"}
    amazon.ses.suspend()
    assert checks(amazon, settings) == {"ses-account", "ses-configuration-set"}


def test_the_sandbox_is_fatal(amazon: Amazon, settings: Settings) -> None:
    with FakeSes.start(None, in_thread=True, sandbox=True) as ses:
        sandbox = Amazon(ses=ses, moto=amazon.moto, iam=amazon.iam)
        assert checks(sandbox, settings) == {"ses-sandbox"}


def test_a_right_to_look_that_is_missing_never_stops_a_send(amazon: Amazon, settings: Settings) -> None:
    amazon.change(denied=["GetEmailIdentity", "GetConfigurationSet"])
    amazon.ses.plan([Fault("error", operation="GetAccount", status=403, code="AccessDeniedException")])
    found = examine_to_send(amazon.client, settings)
    assert {finding.level for finding in found} == {"warning"} and len(found) == 3
    refuse_fatal(found)


def test_an_endpoint_that_knows_none_of_these_calls_does_not_stop_a_send(
    amazon: Amazon, settings: Settings
) -> None:
    amazon.change(enabled=False)
    assert checks(amazon, settings) == set()


@pytest.mark.emulator
def test_aws_ses_v2_local_does_not_stop_a_send(amazon: Amazon, settings: Settings, ses_endpoint: str) -> None:
    import boto3

    session = boto3.session.Session(
        aws_access_key_id="example", aws_secret_access_key="example", region_name="ca-central-1"
    )
    found = examine_to_send(lambda name: session.client(name, endpoint_url=ses_endpoint), settings)
    assert fatal(found) == []


def test_silence_is_fatal_and_asked_once(amazon: Amazon, settings: Settings) -> None:
    amazon.ses.stop()
    found = examine_to_send(amazon.client, settings)
    assert [finding.check for finding in found] == ["aws-unreachable"]


def test_refusing_names_the_first_cause_and_its_remedy(amazon: Amazon, settings: Settings) -> None:
    amazon.client("sesv2").delete_email_identity(EmailIdentity=DOMAIN)
    amazon.client("sesv2").delete_configuration_set(ConfigurationSetName="newsletter")
    with pytest.raises(SendError) as caught:
        refuse_fatal(examine_to_send(amazon.client, settings))
    assert caught.value.exit_code == 6
    assert "Nothing was mailed." in str(caught.value) and "(1 more" in str(caught.value)
    assert "newsletter aws setup" in caught.value.hint


def test_a_finding_of_the_doctor_that_only_warns_is_not_fatal(settings: Settings, amazon: Amazon) -> None:
    amazon.change(identities={DOMAIN: {"DkimAttributes": {"Status": "FAILED"}}})
    assert checks(amazon, settings) == set()
