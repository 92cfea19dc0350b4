"""One authority for all, as the SDKs keep a connection's trust for as long as the process lives."""

import pytest

from tests.aliyun_server import Aliyun
from tests.tls_servers import Authority


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """Signs the API's certificate; this process trusts it from here on, as a user's would by SSL_CERT_FILE."""
    made = Authority("cloud")
    path = tmp_path_factory.mktemp("trust") / "ca.pem"
    path.write_text(made.pem)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(path))
        yield made


@pytest.fixture
def api(authority, tmp_path):
    """The cloud's API, with a small account."""
    folder = tmp_path / "api"
    folder.mkdir()
    with Aliyun(folder, authority) as service:
        yield service
