"""What a worker requests of SQS is what the policies in docs/eks.md allow; and IAM takes these policies."""

import json

import boto3
import pytest
from moto import mock_aws

from queueworker.errors import KeyUnusableError
from tests.adapters.worker.conftest import Queue, StartWorker, until
from tests.adapters.worker.proxy import Proxy
from tests.permissions import action, allowed, documents


def test_the_policy_of_the_worker_allows_what_it_requests_and_no_more(
    moto_queue: Queue, start_worker: StartWorker
) -> None:
    """One worker handles, extends, tries again and deletes; another one rejects."""
    dead = Queue(moto_queue.server)
    flags = ("--wait-seconds", "1", "--visibility-seconds", "1", "--concurrency", "4", "--retry-seconds", "0")
    with Proxy(moto_queue.server).serving() as proxy:
        env = {"AWS_ENDPOINT_URL_SQS": proxy.endpoint}
        moto_queue.send("done 0.01", "extended 1.2", "failed never")
        consuming = start_worker(moto_queue, "--handler", "job_handlers:sleep", *flags, **env)
        consuming.until_events(2)
        consuming.until_events(4, "started")
        consuming.signal()
        assert consuming.wait() == 0
        rejecting = start_worker(
            moto_queue, "--handler", "job_handlers:reject", "--dead-letter-queue", dead.url, *flags, **env
        )
        until(lambda: dead.depth() == (1, 0), 60, "the message did not reach the dead-letter queue")
        rejecting.signal()
        assert rejecting.wait() == 0
    assert {action(operation) for _, operation in proxy.requests} == allowed("worker")


def test_the_page_names_the_rights_on_a_key_that_the_worker_says_are_missing() -> None:
    named = {right for right in allowed("worker of encrypted queues") if right in KeyUnusableError.remedy}
    assert named == allowed("worker of encrypted queues") == {"kms:Decrypt", "kms:GenerateDataKey"}


@pytest.mark.parametrize("name", documents("policy"))
@mock_aws
def test_iam_takes_the_policies(name: str) -> None:
    iam = boto3.client("iam", "eu-west-1", aws_access_key_id="k", aws_secret_access_key="s")
    assert iam.create_policy(PolicyName="p", PolicyDocument=json.dumps(documents("policy")[name]))


@pytest.mark.parametrize("name", documents("trust"))
@mock_aws
def test_iam_takes_the_trust_policies(name: str) -> None:
    iam = boto3.client("iam", "eu-west-1", aws_access_key_id="k", aws_secret_access_key="s")
    assert iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(documents("trust")[name]))
