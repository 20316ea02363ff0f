"""Settings: what the environment may say, what is refused, and where the private cluster is looked up."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from pydantic import SecretStr

from real_estate_assets import settings as module
from real_estate_assets.settings import ClusterPointer, Settings, SettingsError, get_settings


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch):
    for name in [name for name in os.environ if name.startswith("REOS_")]:
        monkeypatch.delenv(name)
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


def _pointer(state: Path, **changes: object) -> ClusterPointer:
    values = {"host": "127.0.0.1", "port": 25999, "home": "cluster", "socket_dir": "/s", "os_user": "me", **changes}
    state.mkdir(exist_ok=True)
    module.pointer_file(state).write_text(json.dumps(values))
    return ClusterPointer.model_validate(values)


def test_defaults_stand_in_the_project() -> None:
    settings = Settings()
    assert settings.environment == "local"
    assert settings.state_dir == module.PROJECT_ROOT / ".reos"
    assert settings.object_store_url == (settings.state_dir / "objects").as_uri()
    assert settings.tenants_per_run == 25
    assert settings.test_data_dir == (module.PROJECT_ROOT.parent / "shared" / "data").resolve()


def test_unknown_environment_lists_the_known_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REOS_ENVIRONMENT", "prod")
    with pytest.raises(SettingsError, match="'prod'; it must be one of: local, test, production"):
        get_settings()


def test_misspelt_variable_is_refused_with_the_nearest_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REOS_WAREHOUSE_HOTS", "db")
    with pytest.raises(SettingsError, match="REOS_WAREHOUSE_HOTS; did you mean REOS_WAREHOUSE_HOST"):
        get_settings()


def test_variable_of_another_program_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REOSCOPE", "x")
    assert get_settings().environment == "local"


def test_test_data_folder_has_its_own_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REOS_TEST_DATA", str(tmp_path))
    assert get_settings().test_data_dir == tmp_path


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("REOS_TENANTS_PER_RUN", "0"),
        ("REOS_WAREHOUSE_PORT", "70000"),
        ("REOS_WAREHOUSE_SSLMODE", "maybe"),
        ("REOS_OBJECT_STORE_URL", "ftp://somewhere"),
        ("REOS_OBJECT_STORE_URL", "file://relative"),
    ],
)
def test_values_out_of_range_are_refused(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError):
        get_settings()


def test_production_never_falls_back_to_the_local_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REOS_ENVIRONMENT", "production")
    with pytest.raises(SettingsError, match="REOS_WAREHOUSE_HOST, REOS_DAGSTER_PG_HOST, REOS_OBJECT_STORE_URL"):
        get_settings()


def test_a_server_of_ones_own_needs_its_password_set(tmp_path: Path) -> None:
    module.secrets_file(tmp_path).write_text(json.dumps({"reos_owner": "of the local cluster"}))
    settings = Settings(state_dir=tmp_path, warehouse_host="db.example")
    with pytest.raises(SettingsError, match="set REOS_WAREHOUSE_OWNER_PASSWORD"):
        settings.dsn("owner")


def test_dsn_quotes_what_a_url_cannot_hold() -> None:
    from psycopg.conninfo import conninfo_to_dict

    password = "p@ss/wo:rd %?#'"
    settings = Settings(
        warehouse_host="db.example",
        warehouse_port=6432,
        warehouse_app_password=SecretStr(password),
        warehouse_database="re os",
        warehouse_sslmode="verify-full",
    )
    told = conninfo_to_dict(settings.dsn("app"))
    assert {name: told[name] for name in ("host", "port", "user", "password", "dbname", "sslmode")} == {
        "host": "db.example",
        "port": "6432",
        "user": "reos_app",
        "password": password,
        "dbname": "re os",
        "sslmode": "verify-full",
    }


def test_no_cluster_yet_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"run `reos up`"):
        Settings(state_dir=tmp_path).address("warehouse")
    _pointer(tmp_path)
    with pytest.raises(SettingsError, match=r"no password for reos_owner.*run `reos up`"):
        Settings(state_dir=tmp_path).dsn("owner")


def test_local_cluster_is_found_by_its_pointer_at_the_time_of_asking(tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path)
    _pointer(tmp_path)
    module.secrets_file(tmp_path).write_text(json.dumps({"reos_dagster": "d"}))
    assert settings.address("warehouse") == ("127.0.0.1", 25999)
    assert settings.dsn("dagster").startswith("postgresql://reos_dagster:d@127.0.0.1:25999/dagster?")
    _pointer(tmp_path, port=26000)
    assert settings.address("dagster") == ("127.0.0.1", 26000)


def test_a_moved_clone_finds_the_home_inside_its_state_directory(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    _pointer(old)
    old.rename(new)
    pointer = module.read_pointer(new)
    assert pointer is not None
    assert pointer.data_dir == new / "cluster" / "data"


@pytest.mark.parametrize("text", ["", "{", '{"host": 1}', '["x"]'])
def test_damaged_pointer_and_secrets_are_named(tmp_path: Path, text: str) -> None:
    module.pointer_file(tmp_path).write_text(text)
    with pytest.raises(SettingsError, match=r"cluster\.json is damaged"):
        module.read_pointer(tmp_path)
    module.secrets_file(tmp_path).write_text(text)
    with pytest.raises(SettingsError, match=r"secrets\.json is damaged"):
        module.read_secrets(tmp_path)


def test_passwords_do_not_show_in_text(tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path, warehouse_owner_password=SecretStr("hunter2"))
    assert "hunter2" not in f"{settings} {settings!r} {settings.model_dump_json()}"


def test_redis_is_chosen_by_setting_and_its_password_does_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REOS_ONLINE_STORE", "redis")
    with pytest.raises(SettingsError, match="online_store redis needs REOS_REDIS_URL"):
        get_settings()
    monkeypatch.setenv("REOS_REDIS_URL", "redis-host:6379/hunter2")
    with pytest.raises(SettingsError, match="redis_url must be redis://") as refused:
        get_settings()
    assert "hunter2" not in str(refused.value)
    monkeypatch.setenv("REOS_REDIS_URL", f"rediss://user:{'hunter2'}@redis-host:6379/1")
    assert "hunter2" not in f"{get_settings()!r}"
