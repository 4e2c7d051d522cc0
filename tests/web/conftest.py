from tests.reports.conftest import plant, zone

__all__ = ["plant", "zone"]
