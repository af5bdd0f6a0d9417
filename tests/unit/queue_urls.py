"""Every form of a queue's URL, and what it says: the rows that both programs are tested with."""

import pytest

A, Q = "123456789012", "jobs"

AT_AWS = {
    "standard": (f"https://sqs.eu-west-1.amazonaws.com/{A}/{Q}", "eu-west-1"),
    "with a port": (f"https://sqs.eu-west-1.amazonaws.com:443/{A}/{Q}", "eu-west-1"),
    "in capitals": (f"HTTPS://SQS.EU-West-1.AmazonAWS.com/{A}/{Q}", "eu-west-1"),
    "with a dot at the end of the host": (f"https://sqs.eu-west-1.amazonaws.com.:443/{A}/{Q}", "eu-west-1"),
    "legacy": (f"https://eu-west-1.queue.amazonaws.com/{A}/{Q}", "eu-west-1"),
    "legacy without region": (f"https://queue.amazonaws.com/{A}/{Q}", "us-east-1"),
    "sqs without region": (f"https://sqs.amazonaws.com/{A}/{Q}", "us-east-1"),
    "FIPS": (f"https://sqs-fips.us-west-2.amazonaws.com/{A}/{Q}", "us-west-2"),
    "FIPS, the other way round": (f"https://fips.sqs.us-east-2.amazonaws.com/{A}/{Q}", "us-east-2"),
    "dual-stack": (f"https://sqs.eu-north-1.api.aws/{A}/{Q}", "eu-north-1"),
    "dual-stack and FIPS": (f"https://sqs-fips.us-east-1.api.aws/{A}/{Q}", "us-east-1"),
    "VPC endpoint": (f"https://vpce-0a1b2c3d4e5f-abcdefgh.sqs.us-east-2.vpce.amazonaws.com/{A}/{Q}", "us-east-2"),
    "VPC endpoint of a zone": (
        f"https://vpce-0a1b-abcdefgh-us-east-2a.sqs.us-east-2.vpce.amazonaws.com/{A}/{Q}",
        "us-east-2",
    ),
    "VPC endpoint of a zone by its id": (
        f"https://vpce-0a1b-abcdefgh-use2-az1.sqs.us-east-2.vpce.amazonaws.com/{A}/{Q}",
        "us-east-2",
    ),
    "VPC endpoint with the zone at the region": (
        f"https://vpce-0a1b-abcdefgh.sqs.us-east-2-az1.vpce.amazonaws.com/{A}/{Q}",
        "us-east-2",
    ),
    "VPC endpoint in China": (f"https://vpce-0a1b.sqs.cn-north-1.vpce.amazonaws.com.cn/{A}/{Q}", "cn-north-1"),
    "China": (f"https://sqs.cn-north-1.amazonaws.com.cn/{A}/{Q}", "cn-north-1"),
    "China, legacy": (f"https://cn-northwest-1.queue.amazonaws.com.cn/{A}/{Q}", "cn-northwest-1"),
    "China, dual-stack": (f"https://sqs.cn-north-1.api.amazonwebservices.com.cn/{A}/{Q}", "cn-north-1"),
    "GovCloud": (f"https://sqs.us-gov-west-1.amazonaws.com/{A}/{Q}", "us-gov-west-1"),
    "European sovereign cloud": (f"https://sqs.eusc-de-east-1.amazonaws.eu/{A}/{Q}", "eusc-de-east-1"),
    "a partition of its own": (f"https://sqs.us-iso-east-1.c2s.ic.gov/{A}/{Q}", "us-iso-east-1"),
    "another one": (f"https://sqs.us-isob-east-1.sc2s.sgov.gov/{A}/{Q}", "us-isob-east-1"),
    "GovCloud, FIPS": (f"https://sqs-fips.us-gov-east-1.amazonaws.com/{A}/{Q}", "us-gov-east-1"),
    "VPC endpoint, dual-stack": (f"https://vpce-0a1b-abcdefgh.sqs.us-east-2.vpce.api.aws/{A}/{Q}", "us-east-2"),
    "VPC endpoint, in capitals, with dot and port": (
        f"https://VPCE-0A1B.SQS.EU-WEST-1.VPCE.AMAZONAWS.COM.:443/{A}/{Q}",
        "eu-west-1",
    ),
    "a third": (f"https://sqs.us-isof-south-1.csp.hci.ic.gov/{A}/{Q}", "us-isof-south-1"),
    "a fourth": (f"https://eu-isoe-west-1.queue.cloud.adc-e.uk/{A}/{Q}", "eu-isoe-west-1"),
    "a region that is yet to come": (f"https://sqs.eu-west-9.amazonaws.com/{A}/{Q}", "eu-west-9"),
}
"""URLs at AWS, each with its region."""

ELSEWHERE: dict[str, tuple[str, str | None, str | None]] = {
    "LocalStack, by service": (f"http://localstack:4566/000000000000/{Q}", "000000000000", None),
    "LocalStack, by path": (f"http://localhost:4566/queue/us-east-1/000000000000/{Q}", "000000000000", "us-east-1"),
    "LocalStack, by host": (
        f"http://sqs.us-east-2.localhost.localstack.cloud:4566/000000000000/{Q}",
        "000000000000",
        "us-east-2",
    ),
    "LocalStack, by its oldest host": (
        f"http://queue.localhost.localstack.cloud:4566/000000000000/{Q}",
        "000000000000",
        "us-east-1",
    ),
    "LocalStack, by its oldest host with a region": (
        f"http://eu-central-1.queue.localhost.localstack.cloud:4566/000000000000/{Q}",
        "000000000000",
        "eu-central-1",
    ),
    "LocalStack, by a host without region": (
        f"http://sqs.localhost.localstack.cloud:4566/000000000000/{Q}",
        "000000000000",
        None,
    ),
    "GoAWS": (f"http://us-east-1.goaws.com:4100/{A}/{Q}", A, None),
    "ElasticMQ": (f"http://elasticmq:9324/000000000000/{Q}", "000000000000", None),
    "ElasticMQ, older": (f"http://elasticmq:9324/queue/{Q}", None, None),
    "Yandex": (f"https://message-queue.api.cloud.yandex.net/b1gexample/dj600000000examp/{Q}", None, "ru-central1"),
    "Scaleway": (
        f"https://sqs.mnq.fr-par.scaleway.com/project-00000000-0000-0000-0000-000000000000/{Q}",
        None,
        "fr-par",
    ),
    "a host that only ends like Scaleway's": (f"https://sqs.mnq.fr-par.scaleway.com.example/p/{Q}", None, None),
    "a name alone below the host": (f"http://fake_sqs:4568/{Q}", None, None),
    "an address": (f"http://[::1]:9324/{A}/{Q}", A, None),
    "a host that only looks like AWS's": (f"https://sqs.us-east-1.amazonaws.com.evil.example/{A}/{Q}", A, None),
    "a host that only ends like AWS's": (f"https://sqs.us-east-1.myamazonaws.com/{A}/{Q}", A, None),
}
"""URLs of other servers, each with its account and region, as far as it has them."""

REFUSED = {
    "a region that is none": f"https://sqs.ireland.amazonaws.com/{A}/{Q}",
    "the region of another partition": f"https://sqs.cn-north-1.amazonaws.com/{A}/{Q}",
    "another service": f"https://s3.eu-west-1.amazonaws.com/{A}/{Q}",
    "a load balancer": f"https://elasticmq-1.eu-west-1.elb.amazonaws.com/{A}/{Q}",
    "a label too many": f"https://x.sqs.eu-west-1.amazonaws.com/{A}/{Q}",
    "no service": f"https://amazonaws.com/{A}/{Q}",
    "a pseudo-region": f"https://sqs.aws-global.amazonaws.com/{A}/{Q}",
    "VPC endpoint of another service": f"https://vpce-0a1b.ec2.us-east-2.vpce.amazonaws.com/{A}/{Q}",
    "no account": f"https://sqs.eu-west-1.amazonaws.com/queue/{Q}",
    "no path": "https://sqs.eu-west-1.amazonaws.com/",
    "a slash at the end": f"https://sqs.eu-west-1.amazonaws.com/{A}/{Q}/",
    "two slashes": f"https://sqs.eu-west-1.amazonaws.com//{A}/{Q}",
    "a user and a password": f"https://me:secret@sqs.eu-west-1.amazonaws.com/{A}/{Q}",
    "a region of a kind that is yet to come": f"https://sqs.nz-north-1.amazonaws.com/{A}/{Q}",
    "two dots at the end of the host": f"https://sqs.eu-west-1.amazonaws.com../{A}/{Q}",
    "a path too many": f"https://sqs.eu-west-1.amazonaws.com/queue/eu-west-1/{A}/{Q}",
    "a name": Q,
    "an ARN": f"arn:aws:sqs:eu-west-1:{A}:{Q}",
    "two URLs": f"http://a:9324/{A}/{Q},http://a:9324/{A}/other",
    "two names": "jobs,other",
    "a user": f"https://me@sqs.eu-west-1.amazonaws.com/{A}/{Q}",
    "a query": f"http://elasticmq:9324/{A}/{Q}?x=1",
    "two dots": f"http://elasticmq:9324/{A}/../{Q}",
    "AWS's host further on": f"https://evil.example/sqs.us-east-1.amazonaws.com/{Q}",
    "a newline": f"http://elasticmq:9324/{A}/{Q}\n",
    "nothing": "",
}
"""What is no queue's URL, or names no region though its host is AWS's."""

at_aws = pytest.mark.parametrize(("url", "region"), AT_AWS.values(), ids=AT_AWS)
elsewhere = pytest.mark.parametrize(("url", "account", "region"), ELSEWHERE.values(), ids=ELSEWHERE)
refused = pytest.mark.parametrize("url", REFUSED.values(), ids=REFUSED)
