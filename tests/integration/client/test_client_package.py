"""The client package from its wheel: what is in it, and that it talks to a real house."""

import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local import running
from tests.integration.client.conftest import CLIENT, Run

_ALL_IMPORTED = """
import importlib, json, pkgutil, sys
import mekong_client
for package in ("mekong_client", "crm"):
    path = importlib.import_module(package).__path__
    for found in pkgutil.walk_packages(path, package + "."):
        importlib.import_module(found.name)
told = {name.partition(".")[0] for name in sys.modules}
where = {n: getattr(m, "__file__", None) or "" for n, m in sys.modules.items()}
json.dump({"tops": sorted(told), "where": where}, sys.stdout)
"""
_OURS = {"chassis", "services", "local", "bench", "tests", "deploy"}


class TestWheel:
    def test_it_holds_its_own_modules_and_the_stubs(self, wheel: Path) -> None:
        names = zipfile.ZipFile(wheel).namelist()

        tops = {name.split("/")[0] for name in names}
        assert tops == {"mekong_client", "crm", "mekong_client-0.1.0.dist-info"}
        assert "crm/leads/v1/contact_service_pb2_grpc.py" in names
        assert "mekong_client/py.typed" in names
        assert not [name for name in names if "__pycache__" in name]

    def test_it_needs_three_libraries_and_no_less_than_its_stubs_do(self, wheel: Path) -> None:
        with zipfile.ZipFile(wheel) as files:
            metadata = files.read("mekong_client-0.1.0.dist-info/METADATA").decode()
            stub = files.read("crm/leads/v1/contact_service_pb2_grpc.py").decode()
            messages = files.read("crm/leads/v1/contact_pb2.py").decode()

        needs = [it for it in re.findall(r"Requires-Dist: (.+)", metadata) if "extra ==" not in it]
        made_with = re.search(r"GRPC_GENERATED_VERSION = '([\d.]+)'", stub)
        version = re.search(r"PUBLIC,\s+(\d+),\s+(\d+),\s+(\d+)", messages)
        assert made_with is not None
        assert version is not None
        assert sorted(needs) == [
            "googleapis-common-protos>=1.70",
            f"grpcio>={made_with[1]}",
            f"protobuf>={'.'.join(version.groups())}",
        ]

    def test_all_of_it_imports_nothing_of_the_house(self, run: Run, installed: Path) -> None:
        found = run("-c", _ALL_IMPORTED)

        assert found.returncode == 0, found.stderr
        told = json.loads(found.stdout)
        assert not _OURS & set(told["tops"])
        assert "nats" not in told["tops"]
        for name, file in told["where"].items():
            if name.partition(".")[0] in ("mekong_client", "crm") and file:
                assert file.startswith(str(installed)), name


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with running.house(tmp_path_factory.mktemp("house")) as made:
        yield made


@pytest.mark.timeout(300)
class TestRealHouse:
    def test_the_worked_example_says_what_the_readme_says(self, run: Run, house: Any) -> None:
        program = run("-c", _MAKE_PROGRAM, variables=_told(house))
        assert program.returncode == 0, program.stderr
        identity = json.loads(program.stdout)

        said = run(
            str(CLIENT / "examples" / "quickstart.py"), variables={**_told(house), **identity}
        )

        assert said.returncode == 0, said.stderr
        readme = (CLIENT / "README.md").read_text("utf-8")
        shown = re.search(r"```text\n(.*?)```", readme, re.DOTALL)
        assert shown is not None
        assert said.stdout == shown[1]

    def test_it_can_do_no_more_than_its_scope(self, run: Run, house: Any) -> None:
        program = run("-c", _MAKE_PROGRAM, variables=_told(house))
        identity = json.loads(program.stdout)

        said = run("-c", _BEYOND_SCOPE, variables={**_told(house), **identity})

        assert said.returncode == 0, said.stderr
        assert said.stdout.split() == ["RIGHT_MISSING", "SCOPE_INVALID"]


_MAKE_PROGRAM = """
import json, os, sys
from crm.accounts.v1 import user_pb2, user_service_pb2
from crm.accounts.v1.user_service_pb2_grpc import ApiClientServiceStub
from mekong_client import Client
secret = open(os.environ["SECRET_FILE"]).read().strip()
addresses = json.loads(os.environ["MEKONG_ADDRESSES"])
with Client(addresses, client_id=os.environ["HOUSE_ID"], client_secret=secret) as client:
    shop = user_pb2.ApiClient(name="shop")
    for action in ("read", "write"):
        shop.rights.add(resource="contacts", action=action, level=user_pb2.LEVEL_ALL)
    asked = user_service_pb2.CreateApiClientRequest(api_client=shop)
    made = client.stub(ApiClientServiceStub).CreateApiClient(asked)
json.dump({"CLIENT_ID": made.id, "CLIENT_SECRET": made.secret}, sys.stdout)
"""

_BEYOND_SCOPE = """
import json, os
from crm.leads.v1 import contact_pb2, contact_service_pb2
from crm.leads.v1.contact_service_pb2_grpc import ContactServiceStub
from mekong_client import Client, InvalidArgument, PermissionDenied
addresses = json.loads(os.environ["MEKONG_ADDRESSES"])
identity = {it: os.environ[it.upper()] for it in ("client_id", "client_secret")}
contact = contact_pb2.Contact(display_name="x")
for scope in ("contacts.read", "audit.read"):
    with Client(addresses, scope=scope, **identity) as client:
        try:
            asked = contact_service_pb2.CreateContactRequest(contact=contact)
            client.stub(ContactServiceStub).CreateContact(asked)
        except (PermissionDenied, InvalidArgument) as refused:
            print(refused.reason)
"""


def _told(house: Any) -> dict[str, str]:
    state = house.state
    return {
        "MEKONG_ADDRESSES": json.dumps(state["grpc"]),
        "HOUSE_ID": state["client_id"],
        "SECRET_FILE": state["client_secret_file"],
    }
