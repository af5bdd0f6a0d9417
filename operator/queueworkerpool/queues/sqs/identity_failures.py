"""What it means when the credentials that should sign a request cannot be had, the operator's or a role's. Pure.

`failures` chooses the table. What fails here is STS, an agent or a file, never SQS. The worker has a table of its own
for its credentials; which codes mean the same is `awsaccess.codes`' for both.
"""

from typing import Final

from botocore.exceptions import (
    ClientError,
    ConnectionError,  # noqa: A004 -- botocore's name; ours are spelled out
    CredentialRetrievalError,
    HTTPClientError,
    MetadataRetrievalError,
    NoCredentialsError,
)

from awsaccess import codes
from queueworkerpool.errors import (
    ClockSkewedError,
    CredentialsDeniedError,
    CredentialsUnavailableError,
    QueueAccessDeniedError,
    QueueThrottledError,
    QueueUnreachableError,
)
from queueworkerpool.queues.sqs.failure import Failure

CLOCK_SKEWED: Final = Failure(
    error=ClockSkewedError,
    text="the operator's clock differs from AWS's by minutes ({shown})",
    fix="set the clock of its node",
    codes=codes.CLOCK_SKEWED,
)

CREDENTIALS_FAILURES: Final = (
    # STS answers with an error.
    Failure(
        error=CredentialsUnavailableError,
        text="STS throttles the requests for the operator's credentials ({shown})",
        fix="it should pass",
        codes=codes.THROTTLED,
        statuses=codes.TOO_MANY_REQUESTS,
    ),
    Failure(
        error=CredentialsUnavailableError,
        text="STS cannot reach the cluster's OIDC issuer ({shown})",
        fix="it should pass; else check that the issuer can be reached from AWS",
        codes=codes.ISSUER_SILENT,
    ),
    Failure(
        error=CredentialsUnavailableError,
        text="STS failed, so the operator has no credentials ({shown})",
        fix="it should pass",
        statuses=codes.SERVER_ERRORS,
    ),
    CLOCK_SKEWED,
    Failure(
        error=CredentialsDeniedError,
        text="the operator's web identity token has expired ({shown})",
        fix="check that kubelet renews AWS_WEB_IDENTITY_TOKEN_FILE, and the node's clock",
        codes=codes.TOKEN_EXPIRED,
    ),
    Failure(
        error=CredentialsDeniedError,
        text="STS does not accept the operator's web identity ({shown})",
        fix="check the cluster's OIDC provider in IAM, and the audience of the token",
        codes=codes.TOKEN_REFUSED,
    ),
    Failure(
        error=CredentialsDeniedError,
        text="STS is not activated in the operator's region ({shown})",
        fix="activate it in IAM's account settings, or set AWS_REGION to one where it is",
        codes=codes.REGION_DISABLED,
    ),
    Failure(
        error=CredentialsDeniedError,
        text="STS refuses the operator its role ({shown})",
        fix="check AWS_ROLE_ARN, and let the role's trust policy allow the operator's service account",
        raised=(ClientError,),
    ),
    # A provider fails by itself, or nothing answers.
    Failure(
        error=CredentialsUnavailableError,
        text="the operator has no AWS credentials",
        fix="give its service account a role, or set AWS_* variables",
        raised=(NoCredentialsError,),
    ),
    Failure(
        error=CredentialsUnavailableError,
        text="the provider of the operator's credentials failed ({shown})",
        fix="check the Pod Identity agent of its node, or what its AWS_* variables name",
        raised=(CredentialRetrievalError, MetadataRetrievalError),
    ),
    Failure(
        error=CredentialsUnavailableError,
        text="STS did not answer, so the operator has no credentials ({shown})",
        fix="check the operator's network and AWS_ENDPOINT_URL_STS",
        raised=(HTTPClientError, ConnectionError),
    ),
    Failure(
        error=CredentialsUnavailableError,
        text="a file of the operator's credentials cannot be read ({shown})",
        fix="check AWS_WEB_IDENTITY_TOKEN_FILE and other files that its AWS_* variables name",
        raised=(OSError,),
    ),
    Failure(
        error=CredentialsUnavailableError,
        text="the operator's AWS credentials cannot be used ({shown})",
        fix="check its role and AWS_* variables",
        raised=(Exception,),  # ValueError, KeyError, RuntimeError: botocore's providers raise whatever comes
    ),
)
"""Every failure to get the operator's own credentials; the first row that fits counts."""

_ROLE: Final = "the role that it is to be read by"

ROLE_FAILURES: Final = (
    Failure(
        error=QueueThrottledError,
        text=f"{_ROLE} was not assumed ({{shown}}): too many requests to STS",
        fix="it should pass",
        codes=codes.THROTTLED,
        statuses=codes.TOO_MANY_REQUESTS,
    ),
    Failure(
        error=QueueUnreachableError,
        text=f"{_ROLE} was not assumed ({{shown}}): STS failed",
        fix="it should pass",
        statuses=codes.SERVER_ERRORS,
    ),
    CLOCK_SKEWED,
    Failure(
        error=CredentialsDeniedError,
        text=f"{_ROLE} was not assumed: STS refuses the operator's own credentials ({{shown}})",
        fix="check role and AWS_* variables of the operator",
        codes=codes.CREDENTIALS_REFUSED,
    ),
    Failure(
        error=QueueAccessDeniedError,
        text=f"{_ROLE} was not assumed: STS is not activated in this region ({{shown}})",
        fix="activate it in IAM's account settings",
        codes=codes.REGION_DISABLED,
    ),
    Failure(
        error=QueueAccessDeniedError,
        text=f"{_ROLE} may not be assumed ({{shown}})",
        fix="check roleArn in the operator's QWP_TENANTS, and let its trust policy allow sts:ExternalId {external_id}",
        raised=(ClientError,),
    ),
    Failure(
        error=QueueUnreachableError,
        text=f"{_ROLE} was not assumed ({{shown}})",
        fix="check the operator's network and AWS_ENDPOINT_URL_STS",
        raised=(Exception,),
    ),
)
"""Every failure to assume a role, except that the operator has no credentials; the first row that fits counts."""
