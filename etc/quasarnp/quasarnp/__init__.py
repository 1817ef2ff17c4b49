"""QuasarNP's interface by desinn: with this folder's parent on PYTHONPATH, ``import quasarnp``."""

from desinn.hosts.quasarnp import install

install(force=True)  # takes the place of this very module while it is being imported
