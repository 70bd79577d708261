"""TLS as OpenSSL sees it."""

import subprocess

import pytest


@pytest.fixture
def s_client(gateway):
    def connect(*arguments, send=b""):
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{gateway.port}"]
        command += ["-servername", "localhost", "-CAfile", str(gateway.authority.file), *arguments]
        # What HTTP/2 says of itself stands among OpenSSL's words, and is no text.
        done = subprocess.run(command, input=send, capture_output=True, timeout=30)
        return (done.stdout + done.stderr).decode(errors="replace")

    return connect


@pytest.mark.parametrize(("option", "version"), [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")])
def test_a_current_version_is_spoken(s_client, option, version):
    said = s_client(option)
    assert f"New, {version}, Cipher is" in said
    assert "Verify return code: 0 (ok)" in said
    assert "Compression: NONE" in said
    # Authenticated encryption with forward secrecy.
    cipher = said.partition("Cipher is ")[2].split()[0]
    assert "GCM" in cipher or "POLY1305" in cipher
    assert version == "TLSv1.3" or cipher.startswith("ECDHE-")


@pytest.mark.parametrize("option", ["-tls1_1", "-tls1"])
def test_an_old_version_is_refused(s_client, option):
    # At its default level OpenSSL would not even offer these.
    said = s_client(option, "-cipher", "DEFAULT:@SECLEVEL=0")
    assert "alert protocol version" in said or "alert handshake failure" in said
    assert "Cipher is (NONE)" in said


def test_key_exchange_without_forward_secrecy_is_refused(s_client):
    said = s_client("-tls1_2", "-cipher", "AES128-GCM-SHA256:AES256-SHA")
    assert "alert handshake failure" in said
    assert "Cipher is (NONE)" in said


@pytest.mark.parametrize(
    ("offered", "agreed"),
    [
        ("h2,http/1.1", "h2"),
        ("http/1.1,h2", "h2"),
        ("http/1.1", "http/1.1"),
        ("spdy/1,http/1.1", "http/1.1"),
    ],
)
def test_the_version_of_http_is_agreed_on(s_client, offered, agreed):
    assert f"ALPN protocol: {agreed}" in s_client("-alpn", offered)


def test_no_common_version_of_http_ends_the_handshake(s_client):
    assert "alert no application protocol" in s_client("-alpn", "spdy/1")


def test_a_stranger_is_not_believed(s_client, gateway):
    said = s_client("-CAfile", str(gateway.stranger.file), "-verify_return_error")
    assert "unable to get local issuer certificate" in said


def test_another_host_is_not_believed(s_client):
    said = s_client("-verify_hostname", "example.org", "-verify_return_error")
    assert "hostname mismatch" in said.lower()


def test_early_data_is_not_offered(s_client, tmp_path):
    """RFC 8446 appendix E.5: it could be replayed, and with it the processing of somebody's data."""
    session = tmp_path / "session"
    # The ticket comes with the first answer.
    request = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    s_client("-tls1_3", "-sess_out", str(session), "-ign_eof", send=request)
    assert session.exists()
    text = subprocess.run(
        ["openssl", "sess_id", "-in", str(session), "-noout", "-text"], capture_output=True, text=True
    ).stdout
    assert "Max Early Data: 0" in text
