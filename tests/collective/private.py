"""Plans with differential privacy, for tests."""

from raypp.collective.privacy_options import PrivacyOptions
from raypp.collective.private_ring import PrivateRing


def options(**fields: object) -> PrivacyOptions:
    return PrivacyOptions(**{"unit": "file", "epsilon": 8, "delta": 1e-5, "units": 40, "noise": 4.0} | fields)


def ring(sites: int = 4, needed: int = 3, **fields: object) -> PrivateRing:
    return PrivateRing(options(**fields), sites, needed)
