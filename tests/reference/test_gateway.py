"""The gateway against the document that it serves of itself: whatever is sent, no answer is a 5xx or one that is not
declared there, and nobody gets in without a key for the study.

    TRANSECT=… TRANSECT_API_SECONDS=600 python -m unittest tests/reference/test_gateway.py
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

TRANSECT = os.environ.get("TRANSECT", "")
SECONDS = int(os.environ.get("TRANSECT_API_SECONDS", "30"))
SEED = os.environ.get("TRANSECT_API_SEED", "1")
MANIFESTS = Path(__file__).parents[1] / "e2e/manifests/fault"
PATIENCE = 60
# What the document promises of answers. Not that every body of JSON is taken: events have a schema of their own.
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,\
response_headers_conformance,negative_data_rejection,missing_required_header,unsupported_method,ignored_auth"


class Gateway:
    """`transect up` with its gateway on a free port, for senders with keys."""

    def __init__(self, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"http://127.0.0.1:{free.getsockname()[1]}"
        keys = Path(folder) / "senders"
        self.key = self.make_key(keys, "tester")
        self.key_elsewhere = self.make_key(keys, "elsewhere", "--study", "another")
        arguments = ["up", "-f", MANIFESTS, "--out", Path(folder) / "out", "--api-keys", keys]
        arguments += ["--listen", self.address.removeprefix("http://")]
        self.process = subprocess.Popen([TRANSECT, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @staticmethod
    def make_key(keys, name, *options):
        made = subprocess.run(
            [TRANSECT, "api-key", name, "--to", keys, *options], check=True, capture_output=True, text=True
        )
        return made.stdout.strip()

    def ask(self, method, path, headers, body=None):
        """Status and body of the answer."""
        request = urllib.request.Request(self.address + path, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def wait_until_ready(self):
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return self.ask("GET", "/readyz", {})
            except urllib.error.URLError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise
                time.sleep(0.05)

    def __enter__(self):
        self.wait_until_ready()
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(PATIENCE)


class GatewayTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def test_every_answer_is_one_that_the_document_declares(self):
        with Gateway(self.folder.name) as gateway:
            document = gateway.address + "/v1/openapi.json"
            command = [Path(sys.executable).parent / "schemathesis", "run", document, "--no-color", "--warnings", "off"]
            command += ["--header", f"X-API-Key: {gateway.key}", "--max-time", str(SECONDS), "--seed", SEED]
            command += ["--checks", CHECKS, "--generation-database", "none"]
            ran = subprocess.run(command, cwd=self.folder.name, capture_output=True, text=True)
            self.assertEqual(ran.returncode, 0, ran.stdout[-8000:] + ran.stderr[-2000:])
            status, metrics = gateway.ask("GET", "/metrics", {})
            counts = [line for line in metrics.decode().splitlines() if "gateway_requests_total{" in line]
            # It did get beyond the door: events were stored, and judged.
            self.assertTrue(status == 200 and any('status="200"' in line for line in counts), counts)
            self.assertFalse([line for line in counts if 'status="5' in line], counts)
            print(f"gateway: {SECONDS} s of requests; {', '.join(counts)}")

    def test_without_a_key_for_the_study_there_is_no_way_in(self):
        with Gateway(self.folder.name) as gateway:
            _, document = gateway.ask("GET", "/v1/openapi.json", {"X-API-Key": gateway.key})
            routes = 0
            for path, operations in json.loads(document)["paths"].items():
                path = path.replace("{study}", "faults")
                for method in operations:
                    routes += 1
                    for headers in ({}, {"X-API-Key": "transect_none"}, {"Authorization": "Bearer "}):
                        status, _ = gateway.ask(method.upper(), path, headers, b"{}")
                        self.assertEqual(status, 401, (method, path, headers))
                    if "/studies/" in path:
                        status, _ = gateway.ask(method.upper(), path, {"X-API-Key": gateway.key_elsewhere}, b"{}")
                        self.assertEqual(status, 403, (method, path))
            self.assertGreaterEqual(routes, 2)


if __name__ == "__main__":
    unittest.main()
