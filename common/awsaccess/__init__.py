"""Access to AWS: credentials that sign now, and what the error codes of SQS and STS mean.

Operator and worker share it, because both must understand the same answers; it knows neither of them. It words nothing
for people, and sends nothing but what botocore's providers of credentials send.
"""

from awsaccess.credentials import CredentialsError, RenewedCredentials

__all__ = ["CredentialsError", "RenewedCredentials"]
