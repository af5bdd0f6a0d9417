"""What `helm test` runs in a pod of the operator's image: fails, and says in a sentence what is amiss.

Its arguments are the address of an operator's /readyz and the path of the custom resource in the API. Its pod's account
needs no rights but those of everybody. It uses nothing but Python's standard library, and nothing of the operator's.
"""

import os
import ssl
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

SECONDS = 30  # a release that was installed without --wait may still be starting
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def main() -> None:
    """Ask until both answer, or until the time is over."""
    ready, path = sys.argv[1:]
    # As the kubelet's probes do: the certificate is for the names that clients use, which this pod need not know.
    unverified = ssl.create_default_context()
    unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
    verified = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    checks = {
        "the operator is ready": (urllib.request.Request(ready), unverified),
        "the custom resource definition is served": (_to_api(path), verified),
    }
    end = time.monotonic() + SECONDS
    problems = {name: _problem(*check, end) for name, check in checks.items()}
    for name, problem in problems.items():
        print(f"{name}: {problem or 'yes'}")
    sys.exit(any(problems.values()))


def _to_api(path: str) -> urllib.request.Request:
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    address = f"[{host}]" if ":" in host else host
    token = (ACCOUNT / "token").read_text()
    return urllib.request.Request(f"https://{address}:{port}{path}", headers={"Authorization": f"Bearer {token}"})


def _problem(request: urllib.request.Request, trust: ssl.SSLContext, end: float) -> str:
    """Ask until the answer is 200 or the time is over; return what is wrong then, or an empty text."""
    while True:
        try:
            with urllib.request.urlopen(request, timeout=5, context=trust):
                return ""
        except urllib.error.HTTPError as error:
            problem = f"no: {error}: {error.read(1000).decode(errors='replace').strip()}"
        except OSError as error:
            problem = f"no: {error}"
        if time.monotonic() >= end:
            return problem
        time.sleep(1)


if __name__ == "__main__":
    main()
