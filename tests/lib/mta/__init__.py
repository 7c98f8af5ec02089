"""Real MTAs for tests, unpacked and never installed: Postfix, Exim, Sendmail, alike in what a test sees of them (server.py)."""
from lib.mta.exim import Exim  # noqa: F401
from lib.mta.postfix import Postfix  # noqa: F401
from lib.mta.sendmail import Sendmail  # noqa: F401
